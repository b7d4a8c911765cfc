import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CodeCache } from '../../../src/cli/code-cache.js';

let folder: string;
let bundle: string;
let cacheDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'code-cache-'));
  bundle = join(folder, 'bundle');
  cacheDir = join(folder, 'cache');
  mkdirSync(bundle);
  writeChunk('entry-a1.cjs', "globalThis.greeting = require('./words-b2.cjs').greet(require('node:path').sep);");
  writeChunk('words-b2.cjs', 'exports.greet = (name) => "hello " + name;');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function writeChunk(name: string, source: string): void {
  writeFileSync(join(bundle, name), source);
}

/** Runs the bundle as a process of its own would. */
function runOnce(place = cacheDir): unknown {
  Reflect.deleteProperty(globalThis, 'greeting');
  const cache = new CodeCache(bundle, place);
  cache.run('entry');
  cache.save();
  return Reflect.get(globalThis, 'greeting');
}

function kept(): string {
  const [name] = readdirSync(cacheDir);
  return join(cacheDir, name ?? '');
}

const keptAt = (chunk: string): number => statSync(join(kept(), chunk)).mtimeMs;

test('an entry runs with its chunks and with modules of Node', () => {
  expect(runOnce()).toBe('hello /');
});

test('the code of each chunk is kept for this user alone', () => {
  runOnce();
  expect(readdirSync(kept()).sort()).toEqual(['entry-a1.cjs', 'words-b2.cjs']);
  expect(statSync(kept()).mode & 0o777).toBe(0o700);
});

test('kept code imports packages', async () => {
  writeChunk('words-b2.cjs', "exports.greet = () => importModule('zod').then(({ z }) => typeof z.object);");
  await expect(runOnce()).resolves.toBe('function');
  await expect(runOnce()).resolves.toBe('function');
});

test('kept code is used and not written again', () => {
  runOnce();
  const before = keptAt('words-b2.cjs');
  expect(runOnce()).toBe('hello /');
  expect(keptAt('words-b2.cjs')).toBe(before);
});

test.each([
  ['is empty', () => Buffer.alloc(0)],
  ['is something else', () => Buffer.from('no code')],
  ['lacks its end', (whole: Buffer) => whole.subarray(0, whole.length - 9)],
  ['has zeros in its second half', (whole: Buffer) => Buffer.from(whole).fill(0, whole.length / 2)],
])('kept code that %s is compiled anew and replaced', (_what, damage) => {
  runOnce();
  const file = join(kept(), 'words-b2.cjs');
  const whole = readFileSync(file);
  writeFileSync(file, damage(whole));
  expect(runOnce()).toBe('hello /');
  expect(readFileSync(file).length).toBe(whole.length);
});

test('code of chunks that the bundle no longer has is removed', () => {
  runOnce();
  rmSync(join(bundle, 'words-b2.cjs'));
  writeChunk('words-c3.cjs', 'exports.greet = (name) => "bye " + name;');
  rmSync(join(bundle, 'entry-a1.cjs'));
  writeChunk('entry-d4.cjs', "globalThis.greeting = require('./words-c3.cjs').greet('x');");
  expect(runOnce()).toBe('bye x');
  expect(readdirSync(kept()).sort()).toEqual(['entry-d4.cjs', 'words-c3.cjs']);
});

test('a place that cannot be written keeps nothing and fails nothing', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(runOnce(file)).toBe('hello /');
  expect(existsSync(cacheDir)).toBe(false);
});

test('a bundle without the entry is named', () => {
  expect(() => new CodeCache(bundle, cacheDir).run('other')).toThrow('has no other: the package is not whole');
});
