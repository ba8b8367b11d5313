import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { cgroup } from '../helpers/cli.js';
import { onStage } from '../helpers/fail-over.js';
import { startSentinels } from '../helpers/sentinel.js';
import { until } from '../helpers/until.js';

test('a group outlives its master and a Sentinel: a fail-over is recorded as a gap', async () => {
  const sentinels = await startSentinels({ password: 'm@ster', sentinelPassword: 'sent:inel' });
  const url = sentinels.url.replace(/\/\/.*@/, '//:m%40ster@').replace('#', '?sentinelPassword=sent:inel#');
  const stage = await onStage({ url, master: () => sentinels.master() });
  await sentinels.killSentinel(0);
  const old = await sentinels.master();
  await sentinels.kill(old);
  await sentinels.masterOtherThan(old);
  await stage.works();
  expect((await stage.end(1)).published).toBeGreaterThan(200);
});

test('a master that is stopped, and goes on later, is left at once', async () => {
  const sentinels = await startSentinels();
  const stage = await onStage({ url: sentinels.url, master: () => sentinels.master() });
  const old = await sentinels.master();
  sentinels.stop(old);
  await sentinels.masterOtherThan(old);
  await stage.works();
  sentinels.continue(old);
  await sentinels.settled();
  await stage.works();
  await stage.end(1);
});

test('a fail-over by command is followed', async () => {
  const sentinels = await startSentinels();
  const stage = await onStage({ url: sentinels.url, master: () => sentinels.master() });
  await sentinels.failover();
  await stage.works();
  await stage.end(1);
});

test('the log of the start, status and doctor name the master, and doctor counts the Sentinels', async () => {
  const sentinels = await startSentinels({ replicas: 1 });
  const { address } = await sentinels.master();
  const flags = ['--redis', sentinels.url];
  const group = cgroup(['start', '--size', '1', ...flags]);
  await group.line(/ready: /);
  expect(group.stderr()).toContain(
    `the group's keys are at ${address}, of the master mymaster of the Sentinels at`,
  );
  const status = cgroup(['status', ...flags]);
  await status.exit;
  expect(status.stdout()).toMatch(new RegExp(`^master +${address}$`, 'm'));
  const doctorSays = async () => {
    const doctor = cgroup(['doctor', ...flags]);
    await doctor.exit;
    return doctor.stdout();
  };
  expect(await doctorSays()).toMatch(/^ok +sentinels +3 of 3 Sentinels answer, and a fail-over needs 2$/m);
  await sentinels.killSentinel(1);
  await sentinels.killSentinel(2);
  expect(await doctorSays()).toMatch(/^FAIL +sentinels +1 of 3 Sentinels answers, and a fail-over needs 2$/m);
  expect(await group.kill()).toEqual({ code: 0, signal: null });
});

test('a master that the Sentinels do not know is an error at once', async () => {
  const sentinels = await startSentinels({ replicas: 0, sentinels: 1 });
  const connection = new Connection(sentinels.url.replace('mymaster', 'other'), 'test', silentLogger);
  onTestFinished(() => connection.close());
  await expect(connection.connect({ timeout: 60_000 })).rejects.toThrow(
    /^the master other of the Sentinels at \S+ is not known to them: is the name after # right\?/,
  );
});

test('Sentinels that are away are named', async () => {
  const connection = new Connection('redis-sentinel://127.0.0.1:1,127.0.0.1:2#m', 'test', silentLogger);
  onTestFinished(() => connection.close());
  await expect(connection.connect({ timeout: 500 })).rejects.toThrow(
    /^cannot reach the master m of the Sentinels at 127\.0\.0\.1:1, 127\.0\.0\.1:2 within 0\.5 s \(connect ECONNREFUSED/,
  );
});

test('Sentinels that ask for a password, or refuse it, are told apart from Redis: the error says what to write', async () => {
  const sentinels = await startSentinels({ replicas: 0, sentinels: 1, sentinelPassword: 'right' });
  const whyNot = async (url: string) => {
    const connection = new Connection(url, 'test', silentLogger);
    onTestFinished(() => connection.close());
    return connection.connect({ timeout: 60_000 }).catch((error: unknown) => error);
  };
  const url = sentinels.url.replace(/\/\/.*@/, '//');
  expect(await whyNot(url)).toMatchObject({
    code: 'REDIS_AUTH',
    message: expect.stringMatching(
      /^the Sentinels at \S+ ask for a password: add \?sentinelPassword=PASSWORD before the #/,
    ),
  });
  expect(await whyNot(url.replace('#', '?sentinelPassword=wrong#'))).toMatchObject({
    code: 'REDIS_AUTH',
    message: expect.stringMatching(
      /do not accept the user and password: correct sentinelUser and sentinelPassword/,
    ),
  });
  const at = url.replace(/^redis-sentinel:\/\/(.*?)\/.*$/, '$1');
  expect(await whyNot(`redis://:right@${at}`)).toMatchObject({
    code: 'REDIS_REFUSED',
    message: `${at} is a Sentinel: write --redis 'redis-sentinel://${at}/0#mymaster', with the name of your master after #`,
  });
});

test('a group does not start at a replica', async () => {
  const sentinels = await startSentinels({ replicas: 1, sentinels: 1 });
  const [replica] = await sentinels.replicas();
  const run = cgroup(['start', '--redis', String(replica?.url)]);
  expect((await run.exit).code).toBe(1);
  const { address } = await sentinels.master();
  expect(run.stderr()).toContain(
    `this Redis is a replica of ${address} and takes no writes: name the master in --redis`,
  );
});

test.each(['a fail-over by command', 'a kill'])(
  'publishing goes on at the next master after %s',
  async (how) => {
    const sentinels = await startSentinels();
    const run = cgroup(['publish', '--redis', sentinels.url, '--count', '20000', '--rate', '4000', '--json']);
    const old = await sentinels.master();
    const client = new Redis(old.url, { retryStrategy: () => null });
    onTestFinished(() => client.disconnect());
    client.on('error', () => {});
    await until(async () => /cmdstat_eval/.test(await client.info('commandstats')), {
      what: 'the first messages',
    });
    if (how === 'a kill') await sentinels.kill(old);
    else await sentinels.failover();
    expect((await run.exit).code, run.stderr()).toBe(0);
    const { published, unsure } = JSON.parse(run.stdout());
    expect(published + unsure).toBe(20_000);
    expect(published).toBeGreaterThan(10_000);
    const master = await sentinels.masterOtherThan(old);
    expect(await master.call('INFO', 'commandstats')).toMatch(/cmdstat_evalsha:/);
    // A command that meets no fail-over loses nothing.
    if (unsure > 0) expect(run.stderr()).toMatch(/; publishing goes on"/);
    if (how === 'a kill') expect(unsure).toBeGreaterThan(0);
  },
);
