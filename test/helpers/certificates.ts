import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Paths of PEM files. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface IssueOptions {
  /** Host names and addresses; `localhost` and `127.0.0.1` by default. */
  names?: string[];
  /** Its time was over yesterday. */
  expired?: boolean;
}

/** Elliptic curves: a key of RSA takes longer than all the rest. */
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/**
 * Signs certificates, in a folder of its own.
 *
 * Made by the program openssl: tests of PostgreSQL's TLS use it too, and systems that have Redis have it. An npm package
 * would be one more to keep up to date.
 */
export class Authority {
  /** The path of the certificate that clients must trust. */
  readonly ca: string;
  readonly #dir: string;
  readonly #key: string;

  constructor(dir: string, name: string) {
    this.#dir = dir;
    this.ca = join(dir, `${name}.ca.pem`);
    this.#key = join(dir, `${name}.ca.key`);
    const files = ['-keyout', this.#key, '-out', this.ca];
    openssl('req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${name}`, ...files);
  }

  /** Makes a key and a certificate, for a server or a client. The same name again replaces both files, as a renewal does. */
  issue(
    name: string,
    { names = ['localhost', '127.0.0.1'], expired = false }: IssueOptions = {},
  ): Certificate {
    const [cert, key] = [join(this.#dir, `${name}.pem`), join(this.#dir, `${name}.key`)];
    const [request, extensions, signed] = [`${cert}.request`, `${cert}.extensions`, `${cert}.signed`];
    openssl('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', `${key}.new`, '-out', request);
    const alternatives = names.map((one) => `${isIP(one) ? 'IP' : 'DNS'}:${one}`).join(',');
    writeFileSync(extensions, `subjectAltName=${alternatives}\n`);
    const by = ['-CA', this.ca, '-CAkey', this.#key, '-set_serial', String(process.hrtime.bigint())];
    const days = ['-days', expired ? '-1' : '2'];
    openssl('x509', '-req', '-in', request, '-out', signed, ...by, ...days, '-extfile', extensions);
    copyFileSync(signed, cert);
    copyFileSync(`${key}.new`, key);
    return { cert, key };
  }
}

export interface Certificates {
  /** Signs all of these but `stranger`; its `ca` is what to trust. */
  readonly authority: Authority;
  /** Good for `localhost` and `127.0.0.1`. */
  readonly server: Certificate;
  /** Good for `elsewhere.example` alone. */
  readonly wrongName: Certificate;
  readonly expired: Certificate;
  /** For a client. */
  readonly client: Certificate;
  /** As good as `server`, but signed by an authority that is not trusted: {@link strangers}. */
  readonly stranger: Certificate;
  readonly strangers: Authority;
}

/** Certificates for all tests of a file. Call it at the top of the file; the files are removed at its end. */
export function withCertificates(): Certificates {
  const dir = mkdtempSync(join(tmpdir(), 'cgroup-certificates-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  const [authority, strangers] = [new Authority(dir, 'authority'), new Authority(dir, 'strangers')];
  return {
    authority,
    strangers,
    server: authority.issue('server'),
    wrongName: authority.issue('wrong-name', { names: ['elsewhere.example'] }),
    expired: authority.issue('expired', { expired: true }),
    client: authority.issue('client'),
    stranger: strangers.issue('stranger'),
  };
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
