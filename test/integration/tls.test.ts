import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TlsOptions } from 'node:tls';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { cgroup } from '../helpers/cli.js';
import { withRedis } from '../helpers/redis.js';

const redis = withRedis();
const folder = mkdtempSync(join(tmpdir(), 'cgroup-tls-'));
const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string];
beforeAll(() => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-keyout', key, '-out', cert];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files],
    {
      stdio: 'ignore',
    },
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The port of a TLS server in front of the Redis of this file, and the names that clients ask for. */
async function tlsRedis(options: TlsOptions = {}) {
  const names = new Set<string | false | null>();
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key), ...options }, (socket) => {
    names.add(socket.servername);
    const target = connect(redis.server.port, '127.0.0.1');
    for (const one of [socket, target]) one.on('error', () => {});
    socket.pipe(target).pipe(socket);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => void server.close());
  return { port: (server.address() as { port: number }).port, names };
}

/** Why a connection to this URL fails. */
async function whyNot(url: string): Promise<string> {
  const connection = new Connection(url, 'test', silentLogger);
  const failure: unknown = await connection.connect(1_000).catch((error: unknown) => error);
  connection.close();
  return (failure as Error | undefined)?.message ?? 'it works';
}

test('a certificate is trusted with NODE_EXTRA_CA_CERTS, and the server is asked for by its name', async () => {
  const { port, names } = await tlsRedis();
  const space = redis.namespace();
  const run = cgroup(['status', '--redis', `RediSS://localhost:${port}/2`, '--output', space.output], {
    env: { NODE_EXTRA_CA_CERTS: cert },
  });
  expect((await run.exit).code, run.stderr()).toBe(0);
  expect([...names]).toEqual(['localhost']);
});

test('without it, the error says what to set', async () => {
  const { port } = await tlsRedis();
  expect(await whyNot(`rediss://localhost:${port}`)).toMatch(
    /\(self-signed certificate\): .*, set the variable NODE_EXTRA_CA_CERTS=ca\.pem/,
  );
});

test('a wish for a certificate of the client is named', async () => {
  const { port } = await tlsRedis({ requestCert: true, maxVersion: 'TLSv1.3', ca: readFileSync(cert) });
  const run = cgroup(['status', '--redis', `rediss://localhost:${port}`], {
    env: { NODE_EXTRA_CA_CERTS: cert },
  });
  expect((await run.exit).code).toBe(1);
  expect(run.stderr()).toMatch(/Redis asks for a certificate of its clients, which cgroup cannot show yet/);
});

test('a port of the other kind is named', async () => {
  const { port } = await tlsRedis();
  expect(await whyNot(`redis://127.0.0.1:${port}`)).toMatch(/A port that speaks TLS needs rediss:\/\/$/);
  expect(await whyNot(redis.url.replace('redis:', 'rediss:'))).toMatch(
    /speak TLS\? If not, write redis:\/\/$/,
  );
});
