import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createServer, type TlsOptions } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pause } from '../../src/core/service.js';
import { type Logger, silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { type PlaceOptions, RedisPlace } from '../../src/redis/protocol/place.js';
import { withCertificates } from '../helpers/certificates.js';
import { cgroup } from '../helpers/cli.js';
import { withRedis } from '../helpers/redis.js';
import { startTlsRedis } from '../helpers/tls-redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const certificates = withCertificates();

/** The port of a TLS server in front of the Redis of this file, and the names that clients ask for. */
async function tlsProxy(options: TlsOptions = {}) {
  const names = new Set<string | false | null>();
  const pem = {
    cert: readFileSync(certificates.server.cert),
    key: readFileSync(certificates.server.key),
  };
  const server = createServer({ ...pem, ...options }, (socket) => {
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

/** Why a connection fails. */
async function whyNot(options: PlaceOptions): Promise<string> {
  const connection = new Connection(new RedisPlace(options), 'test', silentLogger);
  const failure: unknown = await connection.connect({ timeout: 2_000 }).catch((error: unknown) => error);
  connection.close();
  return (failure as Error | undefined)?.message ?? 'it works';
}

test('a certificate is trusted with NODE_EXTRA_CA_CERTS, and the server is asked for by its name', async () => {
  const { port, names } = await tlsProxy();
  const space = redis.namespace();
  const run = cgroup(['status', '--redis', `RediSS://localhost:${port}/2`, '--output', space.output], {
    env: { NODE_EXTRA_CA_CERTS: certificates.authority.ca },
  });
  expect((await run.exit).code, run.stderr()).toBe(0);
  expect([...names]).toEqual(['localhost']);
});

describe('a Redis with TLS', () => {
  const { authority, strangers, server, wrongName, expired, client, stranger } = certificates;
  const ca = authority.ca;

  test.each([
    ['a CA in a file', () => ({ redisCa: ca })],
    ['a CA as text', () => ({ redisCa: readFileSync(ca, 'utf8') })],
  ])('is trusted by %s, under its name or its address', async (_what, files) => {
    const { port } = await startTlsRedis({ ...server, ca });
    for (const host of ['localhost', '127.0.0.1'])
      expect(await whyNot({ redis: `rediss://${host}:${port}`, ...files() })).toBe('it works');
  });

  test('without its CA, the error says what to set', async () => {
    const { port } = await startTlsRedis({ ...server, ca });
    expect(await whyNot({ redis: `rediss://localhost:${port}` })).toMatch(
      /, set redisCa \(--redis-ca ca\.pem\)/,
    );
  });

  test('of a stranger is not trusted: the error names redisCa', async () => {
    const { port } = await startTlsRedis({ ...stranger, ca });
    expect(await whyNot({ redis: `rediss://localhost:${port}`, redisCa: ca })).toMatch(
      /the CA in redisCa did not sign the certificate of Redis/,
    );
  });

  test('with an expired certificate is not trusted', async () => {
    const { port } = await startTlsRedis({ ...expired, ca });
    expect(await whyNot({ redis: `rediss://localhost:${port}`, redisCa: ca })).toMatch(
      /certificate has expired\): renew the certificate of Redis/,
    );
  });

  test('with another name is trusted if redisServerName says so', async () => {
    const { port } = await startTlsRedis({ ...wrongName, ca });
    const redis = `rediss://localhost:${port}`;
    expect(await whyNot({ redis, redisCa: ca })).toMatch(
      /set redisServerName \(--redis-server-name\) to one/,
    );
    expect(await whyNot({ redis, redisCa: ca, redisServerName: 'elsewhere.example' })).toBe('it works');
    expect(await whyNot({ redis, redisCa: ca, redisServerName: 'other.example' })).toMatch(
      /set redisServerName \(--redis-server-name\) to a name of the certificate/,
    );
  });

  test('that asks for a certificate of the client gets it', async () => {
    const { port } = await startTlsRedis({ ...server, ca, authClients: 'yes' });
    const redis = `rediss://localhost:${port}`;
    expect(await whyNot({ redis, redisCa: ca })).toMatch(
      /Redis asks for a certificate of its clients: set redisCert and redisKey/,
    );
    const mine = { redisCert: client.cert, redisKey: client.key };
    expect(await whyNot({ redis, redisCa: ca, ...mine })).toBe('it works');
    const strange = strangers.issue('strange-client');
    expect(await whyNot({ redis, redisCa: ca, redisCert: strange.cert, redisKey: strange.key })).toMatch(
      /Redis does not accept the certificate in redisCert/,
    );
    expect(await whyNot({ redis, redisCa: ca, redisCert: client.cert, redisKey: server.key })).toMatch(
      /redisKey is not the key of the certificate in redisCert/,
    );
  });

  test('uses a certificate that was replaced on disk at the next connection', async () => {
    const { port } = await startTlsRedis({ ...server, ca, authClients: 'yes' });
    const mine = authority.issue('renewed', { expired: true });
    const options = {
      redis: `rediss://localhost:${port}`,
      redisCa: ca,
      redisCert: mine.cert,
      redisKey: mine.key,
    };
    const place = new RedisPlace(options);
    const connection = new Connection(place, 'test', silentLogger);
    onTestFinished(() => connection.close());
    const connecting = connection.connect({ timeout: 20_000 });
    await expect(Promise.race([connecting, pause(500)])).resolves.toBeUndefined();
    expect(connection.isReady).toBe(false);
    authority.issue('renewed');
    await connecting;
    expect(await connection.call('PING')).toBe('PONG');
  });

  test('that has another certificate after a restart is logged once, with what to do, and when it is over', async () => {
    const own = authority.issue('restarted');
    const node = await startTlsRedis({ ...own, ca });
    const lines: string[] = [];
    const write = (_fields: object, text: string) => {
      lines.push(text);
    };
    const log: Logger = { ...silentLogger, info: write, warn: write, child: () => log };
    const place = new RedisPlace({ redis: `rediss://localhost:${node.port}`, redisCa: ca }, log);
    const connections = ['one', 'two'].map((role) => new Connection(place, role, log));
    onTestFinished(() => {
      for (const connection of connections) connection.close();
    });
    await Promise.all(connections.map((connection) => connection.connect()));
    await node.kill();
    authority.issue('restarted', { expired: true });
    await node.restart();
    await until(() => lines.length > 0, { what: 'the warning' });
    await pause(1_000); // more tries, of both
    expect(lines).toEqual([
      `cannot connect to Redis at localhost:${node.port} again: certificate has expired: ` +
        'renew the certificate of Redis, and look at the clock of this machine',
    ]);
    await node.kill();
    authority.issue('restarted');
    await node.restart();
    await until(() => lines.length > 1, { what: 'its end' });
    expect(lines[1]).toMatch(/^over after [\d.]+ s: cannot connect to Redis at/);
  });

  test('a file that cannot be read is named with its setting', async () => {
    expect(await whyNot({ redis: 'rediss://localhost:1', redisCa: '/none/ca.pem' })).toMatch(
      /^redisCa: cannot read the file \/none\/ca\.pem \(ENOENT/,
    );
    const run = cgroup(['status', '--redis', 'rediss://localhost:1', '--redis-ca', '/none/ca.pem']);
    expect((await run.exit).code).toBe(2);
    expect(run.stderr()).toMatch(/^cgroup: redisCa: cannot read the file/);
  });

  test('a key that is no PEM is taken for a path, and is not shown', async () => {
    const redisKey = 'TUlJRXZRSUJBREFOQmdrcWhraUc5dzBCQVFFRkFBU0NCS2N3';
    const why = await whyNot({ redis: 'rediss://localhost:1', redisCert: client.cert, redisKey });
    expect(why).toMatch(/^redisKey: there is no file to read at this path/);
    expect(why).not.toContain(redisKey);
    const flags = ['--redis', 'rediss://localhost:1', '--redis-cert', client.cert];
    const run = cgroup(['status', ...flags], { env: { CGROUP_REDIS_KEY: redisKey } });
    expect((await run.exit).code).toBe(2);
    expect(run.stderr()).toMatch(/redisKey/);
    expect(run.stderr()).not.toContain(redisKey);
  });

  test('runs a whole group, from flags', async () => {
    const { port } = await startTlsRedis({ ...server, ca, authClients: 'yes' });
    const url = `rediss://localhost:${port}`;
    const files = ['--redis-ca', ca, '--redis-cert', client.cert, '--redis-key', client.key];
    const group = cgroup(['start', '--size', '1', '--redis', url, ...files]);
    await group.line(/ready: /);
    const published = cgroup(['publish', '--count', '200', '--redis', url, ...files]);
    expect((await published.exit).code, published.stderr()).toBe(0);
    await until(
      async () => {
        const status = cgroup(['status', '--json', '--redis', url, ...files]);
        await status.exit;
        return JSON.parse(status.stdout()).counters.processed === 200;
      },
      { what: 'the results' },
    );
    expect(await group.kill()).toEqual({ code: 0, signal: null });
  });
});

test('a port of the other kind is named', async () => {
  const { port } = await tlsProxy();
  expect(await whyNot({ redis: `redis://127.0.0.1:${port}` })).toMatch(
    /A port that speaks TLS needs rediss:\/\/$/,
  );
  expect(await whyNot({ redis: redis.url.replace('redis:', 'rediss:') })).toMatch(
    /speak TLS\? If not, write redis:\/\/$/,
  );
});
