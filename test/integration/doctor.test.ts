import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../src/logger.js';
import { Connection } from '../../src/redis/connection.js';
import { keysOf } from '../../src/redis/keys.js';
import { aclRules, commandNames, missingRights } from '../../src/redis/rights.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { freshRedis, type Namespace, namespaceOn, withRedis } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const KEEPS = ['--appendonly', 'yes'];
const shared = withRedis(KEEPS);

interface Diagnosis {
  readonly ok: boolean;
  readonly acl: string;
  readonly findings: readonly { check: string; status: string; what: string; mend: string[] }[];
}

/** What the command says, with its exit code. */
async function doctor(space: Namespace, ...args: string[]) {
  const run = cgroup(['doctor', ...flagsOf(space), '--json', ...args]);
  const { code } = await run.exit;
  if (run.stdout() === '') throw new Error(run.stderr());
  const diagnosis = JSON.parse(run.stdout()) as Diagnosis;
  return {
    code,
    ...diagnosis,
    bad: (status: string) => diagnosis.findings.filter((one) => one.status === status),
  };
}

async function ask(url: string): Promise<Redis> {
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** A user with exactly the rights that the program names; gives back the names, with that user in the URL. */
async function leastUser(space: Namespace, admin: Redis): Promise<Namespace> {
  const rules = aclRules(keysOf(space), { ...space, group: 'cgroup' });
  await admin.call('ACL', 'SETUSER', 'least', 'reset', 'on', '>secret', ...rules);
  return { ...space, redis: space.redis.replace('redis://', 'redis://least:secret@') };
}

describe('cgroup doctor', () => {
  it('finds a good server well, before the first start and with a group at work', async () => {
    const group = await groupOn(shared.url);
    const before = await doctor(group.space);
    expect(before.bad('mend')).toEqual([]);
    expect(before).toMatchObject({ code: 0, ok: true });
    const runs = [await group.start(['--size', '2']), await group.start(['--size', '2'])];
    await group.bridgesInStep(2);
    await group.publish(100);
    await group.settled(100);
    const working = await doctor(group.space);
    expect(working.findings.filter(({ status }) => status !== 'ok')).toEqual([]);
    expect(working).toMatchObject({ code: 0, ok: true });
    expect(working.findings.find(({ check }) => check === 'consumers')?.what).toContain('4 consumers');
    await Promise.all(runs.map((run) => run.kill()));
  });

  it('says what is wrong, and what it says to type mends it', async () => {
    const server = await freshRedis([
      ...['--maxmemory-policy', 'volatile-lru', '--appendonly', 'no'],
      ...['--client-output-buffer-limit', 'pubsub', '300kb', '0', '0'],
    ]);
    const space = namespaceOn(server.url);
    const redis = await ask(server.url);
    await redis.set(space.output, 'x'.repeat(10_000_000));
    await redis.config('SET', 'maxmemory', 13_000_000);
    const busy = setInterval(() => redis.publish(space.channel, 'x'.repeat(20_000)), 50);
    onTestFinished(() => clearInterval(busy));

    const { code, ok, bad } = await doctor(space);
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    expect(bad('mend').map(({ check }) => check)).toEqual([
      'persistence',
      'eviction',
      'memory',
      'output buffer',
      'keys',
    ]);
    for (const line of bad('mend').flatMap(({ mend }) => mend)) {
      // There is no config file to write to, and the last ones are about a group that runs.
      if (line.includes('REWRITE') || line.startsWith('cgroup')) continue;
      const { stdout } = await promisify(execFile)('/bin/sh', ['-c', line]);
      expect(`${line}: ${stdout}`).toBe(`${line}: OK\n`);
    }
    const after = await doctor(space);
    expect(after.bad('mend')).toEqual([]);
    expect(after.code).toBe(0);
  });

  it('finds messages that lie with the dead, a foreign channel, and other groups', async () => {
    const group = await groupOn(shared.url);
    const slow = await group.start(['--size', '1', '--simulate-ms', '60000', '--claim-after', '2s']);
    await group.publish(3);
    await until(async () => (await group.read()).pending > 0, { what: 'messages in work' });
    expect((await doctor(group.space)).bad('mend')).toEqual([]);
    await slow.kill('SIGKILL');
    const stuck = await until(async () => {
      const { bad } = await doctor(group.space, '--claim-after', '2s');
      return bad('mend').find(({ check }) => check === 'consumers');
    });
    expect(stuck.mend).toEqual(['cgroup start']);
    expect(stuck.what).toMatch(/^\d+ messages? lies? with consumers that are gone: /);

    const wrong = await doctor({ ...group.space, channel: 'elsewhere' });
    expect(wrong.bad('mend').map(({ check }) => check)).toContain('owner');

    const one = await group.start();
    const other = { ...namespaceOn(shared.url), channel: group.space.channel };
    const second = cgroup(['start', ...flagsOf(other)]);
    await second.line(/ready: /);
    const [note] = (await doctor(group.space)).findings.filter(({ check }) => check === 'other groups');
    expect(note).toMatchObject({ status: 'note', what: expect.stringContaining(other.output) });
    await Promise.all([one.kill('SIGKILL'), second.kill()]);
  });

  it('knows a replica', async () => {
    const master = await freshRedis(KEEPS);
    const replica = await freshRedis([...KEEPS, '--replicaof', '127.0.0.1', String(master.port)]);
    const { bad } = await doctor(namespaceOn(replica.url));
    const role = bad('mend').find(({ check }) => check === 'role');
    expect(role?.mend).toEqual([`cgroup start --redis redis://127.0.0.1:${master.port}`]);
  });

  it('prints it for people, without the password', async () => {
    const server = await freshRedis(['--requirepass', 'secret']);
    const url = server.url.replace('redis://', 'redis://:secret@');
    const run = cgroup(['doctor', '--redis', url]);
    expect((await run.exit).code).toBe(1);
    expect(run.stdout()).toMatch(/^MEND {2}persistence +Redis keeps nothing on disk/m);
    expect(run.stdout()).toMatch(
      new RegExp(`\\$ redis-cli -p ${server.port} CONFIG SET appendonly yes$`, 'm'),
    );
    expect(run.stdout()).toMatch(/^1 thing to mend\.$/m);
    expect(run.stdout()).toMatch(/ACL SETUSER cgroup on >PASSWORD .*\+xreadgroup/);
    expect(run.stdout() + run.stderr()).not.toContain('secret');
  });

  it('ends with 1 where Redis is not there, and with 2 for wrong usage', async () => {
    const away = cgroup(['doctor', '--redis', 'redis://127.0.0.1:1']);
    expect((await away.exit).code).toBe(1);
    expect(away.stderr()).toContain('cannot reach Redis');
    expect((await cgroup(['doctor', '--what']).exit).code).toBe(2);
  });
});

describe('the ACL line', () => {
  it('is one that Redis takes, and enough for a group with all its scripts, status, verify, dead and publish', async () => {
    const server = await freshRedis(KEEPS);
    const admin = await ask(server.url);
    const space = namespaceOn(server.url);
    const { acl } = await doctor(space);
    // As it is printed, with another password.
    expect(await admin.call('ACL', ...acl.replace('ACL ', '').replace('>PASSWORD', '>x').split(' '))).toBe(
      'OK',
    );

    const least = await leastUser(space, admin);
    const flags = flagsOf(least);
    const started = async (...more: string[]) => {
      const run = cgroup(['start', ...flags, '--backoff', '10ms', '--claim-after', '2s', ...more]);
      await run.line(/ready: /);
      return run;
    };
    const runs = [
      await started('--simulate-ms', '5', '--output-max-len', '1000'),
      await started('--size', '2'),
    ];
    await until(
      async () => Number(((await admin.pubsub('NUMSUB', keysOf(space).marks)) as unknown[])[1]) === 2,
    );
    const publish = cgroup(['publish', '--redis', least.redis, '--channel', space.channel, '--count', '400']);
    expect((await publish.exit).code).toBe(0);
    await admin.publish(space.channel, 'poison');
    const count = (name: string) => admin.hget(keysOf(space).counters, name).then(Number);
    await runs[0]?.kill('SIGKILL'); // take-over, sweep, a new leader
    await until(async () => (await count('processed')) === 400 && (await count('dead')) === 1, {
      timeout: 20_000,
    });
    for (const args of [
      ['status'],
      ['verify'],
      ['dead', 'list'],
      ['dead', 'retry', '--all'],
      ['top', '--interval', '100ms'],
      ['doctor'],
    ]) {
      const run = cgroup([...args, ...flags]);
      expect(`${args.join(' ')}: ${(await run.exit).code} ${run.stderr()}`).toBe(`${args.join(' ')}: 0 `);
    }
    await until(async () => (await count('dead')) === 1, { what: 'the poison to die again' });
    const purge = cgroup(['dead', 'purge', ...flags]);
    expect((await purge.exit).code).toBe(0);
    await runs[1]?.kill();
    // Whatever was refused, and to whom: nothing of ours.
    const refused = (await admin.call('ACL', 'LOG')) as unknown[][];
    const objects = refused.map((entry) => String(entry[entry.indexOf('object') + 1]));
    expect(new Set(objects)).toEqual(new Set(['config|get']));
  }, 90_000);

  it('names each command, key and channel that is taken away', async () => {
    const admin = await ask(shared.url);
    const space = namespaceOn(shared.url);
    const names = { ...space, group: 'cgroup' };
    const rules = aclRules(keysOf(space), names);
    const missing = async (own: readonly string[]) => {
      await admin.call('ACL', 'SETUSER', 'least', 'reset', 'on', '>secret', ...own);
      const least = space.redis.replace('redis://', 'redis://least:secret@');
      const [connection, listener] = [0, 1].map(() => new Connection(least, 'test', silentLogger)) as [
        Connection,
        Connection,
      ];
      try {
        await Promise.all([connection.connect(5_000), listener.connect(5_000)]);
        const { commands, keys, channels } = await missingRights(
          { connection, listener },
          keysOf(space),
          names,
        );
        return [
          ...commands.map((name) => `+${name}`),
          ...keys.map((key) => `~${key}`),
          ...channels.map((name) => `&${name}`),
        ];
      } finally {
        connection.close();
        listener.close();
      }
    };
    expect(await missing(rules)).toEqual([]);
    for (const name of commandNames.filter((one) => one !== 'SELECT').map((one) => one.toLowerCase()))
      expect(await missing([...rules, `-${name}`])).toEqual([`+${name}`]);
    for (const rule of rules.filter((one) => /^[~&]/.test(one))) {
      const lacks = await missing(rules.filter((one) => one !== rule));
      expect(lacks.length).toBeGreaterThan(0);
      for (const lack of lacks) expect(lack.startsWith(rule.replace(/\*$/, ''))).toBe(true);
    }
    // And the doctor says so, with the line that mends it.
    await leastUser(space, admin);
    await admin.call('ACL', 'SETUSER', 'least', '-xclaim');
    const { bad, code } = await doctor({
      ...space,
      redis: space.redis.replace('redis://', 'redis://least:secret@'),
    });
    expect(code).toBe(1);
    expect(bad('mend')).toMatchObject([{ check: 'rights', what: 'the Redis user lacks +xclaim' }]);
    expect(bad('mend')[0]?.mend[0]).toContain('ACL SETUSER least resetkeys');
  });
});
