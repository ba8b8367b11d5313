import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { withCertificates } from '../helpers/certificates.js';
import { startCluster } from '../helpers/cluster.js';
import { startSentinels } from '../helpers/sentinel.js';
import { startTlsRedis } from '../helpers/tls-redis.js';

const certificates = withCertificates();
const { ca } = certificates.authority;

/** What PING is answered at an URL, or the code of the error. */
async function ping(url: string, tls: ConnectionOptions): Promise<string> {
  const client = new Redis(url, {
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: () => null,
    tls,
  });
  let code: string | undefined;
  client.on('error', (error: NodeJS.ErrnoException) => {
    code ??= error.code;
  });
  onTestFinished(() => client.disconnect());
  try {
    await client.connect();
    return await client.ping();
  } catch (error) {
    return code ?? (error as Error).message;
  }
}

const trusting = (path: string) => ({ ca: readFileSync(path) });

test.each([
  ['server', 'authority', 'PONG'],
  ['server', 'strangers', 'SELF_SIGNED_CERT_IN_CHAIN'],
  ['stranger', 'authority', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['expired', 'authority', 'CERT_HAS_EXPIRED'],
  ['wrongName', 'authority', 'ERR_TLS_CERT_ALTNAME_INVALID'],
] as const)(
  'a Redis with the certificate %s, for a client that trusts %s: %s',
  async (name, trusted, result) => {
    const { url } = await startTlsRedis({ ca, ...certificates[name] });
    expect(await ping(url, trusting(certificates[trusted].ca))).toBe(result);
    // The name and the address are both in the certificate.
    if (result === 'PONG')
      expect(await ping(url.replace('127.0.0.1', 'localhost'), trusting(ca))).toBe('PONG');
  },
);

test('a Redis that asks for a certificate of its clients takes one of its authority alone', async () => {
  const { url } = await startTlsRedis({ ca, ...certificates.server, authClients: 'yes' });
  const showing = ({ cert, key }: { cert: string; key: string }) => ({
    ...trusting(ca),
    cert: readFileSync(cert),
    key: readFileSync(key),
  });
  expect(await ping(url, showing(certificates.client))).toBe('PONG');
  expect(await ping(url, trusting(ca))).toMatch(/ALERT_CERTIFICATE_REQUIRED|ECONNRESET/);
  expect(await ping(url, showing(certificates.stranger))).toMatch(/ALERT_UNKNOWN_CA|ECONNRESET/);
});

test('a certificate that is issued again replaces the files', async () => {
  const files = certificates.authority.issue('renewed', { expired: true });
  const redis = await startTlsRedis({ ca, ...files });
  expect(await ping(redis.url, trusting(ca))).toBe('CERT_HAS_EXPIRED');
  expect(certificates.authority.issue('renewed')).toEqual(files);
  await redis.kill();
  await redis.restart();
  expect(await ping(redis.url, trusting(ca))).toBe('PONG');
});

test('a Cluster and Sentinels have TLS among themselves, too', async () => {
  const tls = { ca, ...certificates.server, authClients: 'yes' as const };
  const cluster = await startCluster({ tls });
  const master = await cluster.nodeOf('one');
  await cluster.kill(master);
  expect(await cluster.nodeOf('one')).not.toBe(master);
  expect(cluster.urls.every((url) => url.startsWith('rediss://'))).toBe(true);

  const servers = await startSentinels({ tls, replicas: 1 });
  expect(servers.url).toMatch(/^rediss-sentinel:/);
  const old = await servers.master();
  await servers.kill(old);
  expect(await servers.masterOtherThan(old)).not.toBe(old);
});
