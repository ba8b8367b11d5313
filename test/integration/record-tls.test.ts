import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { PostgresRecord } from '../../src/record/postgres-record.js';
import { freshPostgres, lacksPostgres } from '../helpers/postgres.js';

const folder = mkdtempSync(join(tmpdir(), 'cgroup-tls-'));
const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string];

beforeAll(() => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-keyout', key, '-out', cert];
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files];
  execFileSync('openssl', args, { stdio: 'ignore' });
  // The server runs as another user if we are root, and takes no key that others may read.
  if (process.getuid?.() === 0) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'])));
    for (const path of [folder, cert, key]) chownSync(path, uid ?? 0, gid ?? 0);
  }
  chmodSync(key, 0o600);
  expect(statSync(key).size).toBeGreaterThan(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(lacksPostgres)('the URL says whether TLS is used, and what is checked', async () => {
  const postgres = await freshPostgres({ ssl: 'on', ssl_cert_file: cert, ssl_key_file: key });
  const warnings: string[] = [];
  const onWarning = ({ message }: Error) => void warnings.push(message);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  /** Whether the connection has TLS, or why there is none. */
  const tried = async (host: string, parameters: string) => {
    const url = `${postgres.url.replace('127.0.0.1', host)}${parameters}`;
    const record = new PostgresRecord({ url, table: 'results', sql: undefined, log: silentLogger });
    try {
      await record.start();
      const sessions = `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'cgroup'`;
      return (await postgres.sql(sessions))[0]?.ssl as boolean;
    } catch (error) {
      return (error as Error).message;
    } finally {
      await record.stop();
    }
  };
  expect(await tried('127.0.0.1', '')).toBe(false);
  expect(await tried('127.0.0.1', '?sslmode=no-verify')).toBe(true);
  for (const mode of ['verify-full', 'require', 'verify-ca', 'prefer']) {
    expect(await tried('localhost', `?sslmode=${mode}&sslrootcert=${cert}`), mode).toBe(true);
    expect(await tried('localhost', `?sslmode=${mode}`), mode).toMatch(/self-signed certificate/);
  }
  expect(await tried('127.0.0.1', `?sslmode=verify-full&sslrootcert=${cert}`)).toMatch(
    /does not match certificate/,
  );
  expect(await tried('localhost', '?sslmode=verify-full&sslrootcert=/none.pem')).toMatch(/ENOENT/);
  expect(warnings).toEqual([]);
});
