import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether this machine can make certificates. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** A certificate and its key, as files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority of a test's own, which makes certificates for a day. */
export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'dria-temporal-tls-'));
  readonly certificate: Certificate;

  constructor() {
    const [cert, key] = [this.path('ca.crt'), this.path('ca.key')];
    const subject = ['-subj', '/CN=test authority', '-addext', 'basicConstraints=critical,CA:TRUE'];
    this.openssl('req', '-x509', ...newKey(key), '-out', cert, '-days', '1', ...subject);
    this.certificate = { cert, key };
  }

  /** A certificate for a name, for servers and clients. */
  issue(name: string): Certificate {
    const [cert, key, request] = [this.path(`${name}.crt`), this.path(`${name}.key`), this.path(`${name}.csr`)];
    const extensions = this.path(`${name}.ext`);
    writeFileSync(extensions, `subjectAltName=DNS:${name}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    this.openssl('req', ...newKey(key), '-out', request, '-subj', `/CN=${name}`);
    const signer = ['-CA', this.certificate.cert, '-CAkey', this.certificate.key, '-CAcreateserial'];
    this.openssl('x509', '-req', '-in', request, ...signer, '-out', cert, '-days', '1', '-extfile', extensions);
    return { cert, key };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  private path(name: string): string {
    return join(this.#folder, name);
  }

  private openssl(...args: string[]): void {
    execFileSync('openssl', args, { stdio: 'pipe' });
  }
}

function newKey(file: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file];
}

/** A certificate's content, as Node's TLS wants it. */
export function contentOf({ cert, key }: Certificate): { readonly cert: Buffer; readonly key: Buffer } {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}
