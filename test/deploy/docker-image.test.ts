import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../support/build.js';

const packageSchema = z.object({ scripts: z.object({ build: z.string() }) });

function read(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

/** Scripts that `npm run build` runs. */
function scriptsOfBuild(): string[] {
  const { build } = packageSchema.parse(JSON.parse(read('package.json'))).scripts;
  return build.match(/scripts\/\S+/g) ?? [];
}

/** What the first stage of the Dockerfile, which builds, copies from the repository. */
function copiedForBuild(): string[] {
  const [, build = ''] = read('Dockerfile').split(/^FROM /m);
  const copies = [...build.matchAll(/^COPY (.+)$/gm)];
  return copies.flatMap(([, paths = '']) => paths.split(' ').slice(0, -1));
}

/** What .dockerignore lets into the image's build; all else it keeps out. */
function letIn(): string[] {
  const [first, ...lines] = read('.dockerignore').trim().split('\n');
  expect(first).toBe('*');
  return lines.map((line) => line.replace(/^!/, ''));
}

describe('the Docker image', () => {
  it('has every script that its build runs', () => {
    const scripts = scriptsOfBuild();
    expect(scripts).toContain('scripts/bundle-workflows.mjs');
    expect(copiedForBuild()).toEqual(expect.arrayContaining(scripts));
  });

  it('copies what is there and what .dockerignore lets in', () => {
    for (const path of copiedForBuild()) expect(existsSync(join(ROOT, path)), path).toBe(true);
    expect(letIn()).toEqual(expect.arrayContaining(copiedForBuild()));
  });
});
