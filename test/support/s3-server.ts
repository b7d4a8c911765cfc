import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './build.js';
import { freePort } from './free-ports.js';
import { S3Link } from './s3-link.js';
import { until } from './until.js';

const ACCESS_KEY = 'test-access';
const SECRET_KEY = 'test-secret-nobody-may-see';
const BUCKET = 'runs';

/** The S3 server's program; undefined, with a line that says why, on a machine without it and without Go. */
export function s3Program(): string | undefined {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts/install-s3-server.mjs')], {
    encoding: 'utf8',
  });
  if (status === 0) return stdout.trim();
  process.stderr.write(stderr);
  if (status === 3) return undefined;
  throw new Error(`the S3 server cannot be installed: ${stderr}`);
}

/** A real S3 server with one bucket, in a process of its own, behind a link that can be disturbed. */
export class S3Server {
  private constructor(
    private readonly child: ChildProcess,
    readonly folder: string,
    /** What lies between the server and those who use {@link env}. */
    readonly link: S3Link,
  ) {}

  static async start(program: string): Promise<S3Server> {
    const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-s3-'));
    mkdirSync(join(folder, BUCKET));
    const port = await freePort();
    const credentials = ['--access', ACCESS_KEY, '--secret', SECRET_KEY];
    const child = spawn(program, ['--port', `127.0.0.1:${port}`, ...credentials, '--quiet', 'posix', folder], {
      stdio: 'ignore',
    });
    await until('the S3 server answers', async () => {
      if (child.exitCode !== null) throw new Error(`the S3 server ended with ${child.exitCode}`);
      return await fetch(`http://127.0.0.1:${port}/`).then(
        () => true,
        () => false,
      );
    });
    return new S3Server(child, folder, await S3Link.open(port));
  }

  /** A root of its own in the bucket. */
  root(prefix: string): string {
    return `s3://${BUCKET}/${prefix}`;
  }

  /** The standard AWS settings for it. */
  get env(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_S3: this.link.url,
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET_KEY,
      AWS_REGION: 'us-east-1',
    };
  }

  async close(): Promise<void> {
    await this.link.close();
    const ended = once(this.child, 'exit');
    if (this.child.exitCode === null && this.child.kill('SIGKILL')) await ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}
