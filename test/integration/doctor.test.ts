import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { keysOf } from '../../src/redis/keys.js';
import { missingRights } from '../../src/redis/missing-rights.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { aclRules, commandNames } from '../../src/redis/rights.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { freshRedis, isRedis6, type Namespace, namespaceOn, withRedis } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const KEEPS = ['--appendonly', 'yes'];
const shared = withRedis(KEEPS);

interface Diagnosis {
  readonly ok: boolean;
  readonly acl: string;
  readonly publisherAcl: string;
  readonly aclLasts: string;
  readonly notes: readonly string[];
  readonly findings: readonly { check: string; status: string; what: string; mend: string[] }[];
}

/** The output of the command, and its exit code. */
async function doctor(space: Namespace, ...args: string[]) {
  const run = cgroup(['doctor', ...flagsOf(space), '--json', ...args]);
  const { code } = await run.exit;
  if (run.stdout() === '') throw new Error(run.stderr());
  const diagnosis = JSON.parse(run.stdout()) as Diagnosis;
  return {
    code,
    stderr: run.stderr(),
    ...diagnosis,
    bad: (status: string) => diagnosis.findings.filter((one) => one.status === status),
  };
}

/** A Redis with a config file, which those of the helper lack. It is stopped when the test has ended. */
async function serverWithFile(text: string): Promise<{ url: string; port: number; file: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
  const file = join(folder, 'redis.conf');
  const free = createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address() as AddressInfo;
  free.close();
  await writeFile(file, `${text}port ${port}\nbind 127.0.0.1\ndir ${folder}\n`);
  const server = spawn('redis-server', [file], { stdio: 'ignore' });
  onTestFinished(async () => {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    await rm(folder, { recursive: true, force: true });
  });
  const url = `redis://127.0.0.1:${port}`;
  const probe = new Redis(url).on('error', () => {}); // it may not listen yet
  await until(() => probe.ping(), { what: 'the server to answer' });
  probe.disconnect();
  return { url, port, file };
}

async function ask(url: string): Promise<Redis> {
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** Creates a user with exactly the rights that the program names; returns the names, with that user in the URL. */
async function leastUser(space: Namespace, admin: Redis): Promise<Namespace> {
  const rules = aclRules(keysOf(space), { ...space, group: 'cgroup' });
  await admin.call('ACL', 'SETUSER', 'least', 'reset', 'on', '>secret', ...rules);
  return { ...space, redis: space.redis.replace('redis://', 'redis://least:secret@') };
}

describe('cgroup doctor', () => {
  it('finds nothing wrong with a good server, before the first start and with a group at work', async () => {
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

  it('says what is wrong, and prints commands that fix it', async () => {
    const server = await freshRedis([
      ...['--maxmemory-policy', 'volatile-lru', '--appendonly', 'no'],
      ...['--client-output-buffer-limit', 'pubsub', '300kb', '0', '0'],
      ...['--client-output-buffer-limit', 'normal', '1mb', '0', '0'],
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
      'message size',
      'keys',
    ]);
    for (const line of bad('mend').flatMap(({ mend }) => mend)) {
      // This server has no config file.
      expect(line).not.toContain('REWRITE');
      // These concern a running group.
      if (line.startsWith('cgroup')) continue;
      const { stdout } = await promisify(execFile)('/bin/sh', ['-c', line]);
      expect(`${line}: ${stdout}`).toBe(`${line}: OK\n`);
    }
    const after = await doctor(space);
    expect(after.bad('mend')).toEqual([]);
    expect(after.code).toBe(0);
  });

  it('prints commands for a user with the rights, and saves settings to the config file if there is one', async () => {
    const server = await serverWithFile('maxmemory-policy allkeys-lru\nappendonly yes\n');
    const { file } = server;
    const redis = await ask(server.url);
    const space = namespaceOn(server.url);
    const as = (user: string) => ({
      ...space,
      redis: server.url.replace('redis://', `redis://${user}:secret@`),
    });
    await redis.call('ACL', 'SETUSER', 'admin', 'on', '>secret', 'allkeys', 'allchannels', '+@all');
    const least = await leastUser(space, redis);
    const run = async (lines: readonly string[]) => {
      for (const line of lines) {
        const env = { ...process.env, REDISCLI_AUTH: line.includes('--user') ? 'secret' : undefined };
        const { stdout } = await promisify(execFile)('/bin/sh', ['-c', line], { env });
        expect(`${line}: ${stdout}`).toBe(`${line}: OK\n`);
      }
    };

    const refused = await doctor(least);
    const lines = refused.bad('mend').flatMap(({ mend }) => mend);
    expect(lines).toEqual([
      `redis-cli -p ${server.port} CONFIG SET maxmemory-policy noeviction`,
      `redis-cli -p ${server.port} CONFIG REWRITE`,
    ]);
    expect(refused.notes[0]).toMatch(/^The user least may not use CONFIG GET, CONFIG SET, CONFIG REWRITE: /);
    await run(lines);
    const kept = await readFile(file, 'utf8');
    expect(kept).toContain('maxmemory-policy noeviction');
    // CONFIG REWRITE saves users too, as the text below the ACL line says.
    expect(kept).toMatch(/^user least on /m);
    expect(refused.aclLasts).toMatch(/ACL SAVE if Redis has an aclfile, else by CONFIG REWRITE/);

    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const own = (await doctor(as('admin'))).bad('mend').flatMap(({ mend }) => mend);
    expect(own[0]).toBe(`redis-cli -p ${server.port} --user admin CONFIG SET maxmemory-policy noeviction`);
    await redis.call('ACL', 'SETUSER', 'default', 'resetpass', '>other');
    await run(own);
    expect((await doctor(as('admin'))).bad('mend')).toEqual([]);
  });

  it('reports checks that the user may not make as not checked, never as ok', async () => {
    const redis = await ask(shared.url);
    const space = namespaceOn(shared.url);
    const as = (user: string) => ({
      ...space,
      redis: space.redis.replace('redis://', `redis://${user}:secret@`),
    });
    const names = [...commandNames].map((name) => name.toLowerCase());
    await redis.call('ACL', 'SETUSER', 'blind', 'reset', 'on', '>secret');
    const blind = await doctor(as('blind'));
    expect(blind.stderr).toBe('');
    expect(blind.findings.filter(({ status }) => status === 'ok')).toEqual([]);
    expect(blind.bad('mend').map(({ check }) => check)).toEqual(['rights']);
    for (const { what } of blind.bad('note')) expect(what).toContain('not checked: Redis refuses ');
    // All commands, and no keys or channels.
    await redis.call(
      'ACL',
      'SETUSER',
      'keyless',
      'reset',
      'on',
      '>secret',
      ...names.map((name) => `+${name}`),
    );
    const keyless = await doctor(as('keyless'));
    const ok = keyless.findings.filter(({ status }) => status === 'ok').map(({ check }) => check);
    expect(ok).toEqual([
      'version',
      'role',
      'replicas',
      'eviction',
      'memory',
      'clock',
      'latency',
      'other groups',
    ]);
  });

  it('finds messages of dead consumers, a foreign channel, and other groups', async () => {
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
    expect(stuck.mend).toEqual([`cgroup start ${group.flags.join(' ')}`]);
    expect(stuck.what).toMatch(/^[\d,]+ messages? lies? with consumers that are gone: /);

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

  it('reports no entry that waits for its retry, whichever consumer holds it', async () => {
    const group = await groupOn(shared.url);
    const flags = ['--simulate-ms', '100', '--backoff', '30s', '--claim-after', '2s'];
    const failing = await group.start(['-n', '1', '--timeout', '10ms', ...flags]);
    await group.publish(3);
    await until(async () => (await group.read()).retrying === 3);
    const [gone] = await group.listed();
    await failing.kill();
    expect([...(await group.read()).pendingOf]).toEqual([[gone, 3]]);
    const look = async () => {
      const { findings } = await doctor(group.space, '--claim-after', '2s');
      return findings.find(({ check }) => check === 'consumers')?.what;
    };
    const silent = async (count: number) =>
      ((await group.raw.xpending(group.keys.inbox, 'cgroup', 'IDLE', 2_500, '-', '+', 9)) as []).length ===
      count;
    await until(() => silent(3), { what: 'more than --claim-after' });
    expect(await look()).toBe('3 messages wait, and no consumer runs');
    const run = await group.start(['-n', '1', ...flags]);
    expect(await look()).toBe('1 consumer runs, none is orphaned');
    // It does report one that does not wait for a retry.
    const [id = ''] = (await group.raw.zrange(group.keys.retry, 0, 0)) as string[];
    await run.kill();
    await group.raw.zrem(group.keys.retry, id);
    expect(await look()).toMatch(/^1 message lies with consumers that are gone: \S+-1$/);
  });

  it('reads a group under its real names if the user gives wrong ones', async () => {
    const one = await groupOn(shared.url);
    const run = await one.start(['--size', '2', '--group', 'mine']);
    const second = await one.start(['--size', '1', '--group', 'mine']);
    await one.bridgesInStep(2);
    const { channel, output, consumerList } = one.space;
    const rest = (findings: Diagnosis['findings']) =>
      findings.filter(({ status, check }) => status !== 'ok' && check !== 'owner');
    const wrong = await doctor({ ...one.space, channel: 'elsewhere' });
    expect(wrong.bad('mend')).toMatchObject([
      {
        check: 'owner',
        what: `the output ${output} belongs to the channel ${channel} and the group mine, not to the channel elsewhere and the group cgroup`,
        mend: [
          `cgroup doctor --output ${output} --channel ${channel} --group mine --redis ${shared.url} --consumer-list ${consumerList}`,
        ],
      },
    ]);
    expect(rest(wrong.findings)).toEqual([]);
    expect(wrong.findings.find(({ check }) => check === 'consumers')?.what).toContain('3 consumers run');
    // Another output, with the same list of consumers.
    const other = await doctor({ ...namespaceOn(shared.url), consumerList });
    expect(other.bad('mend')).toEqual([]);
    expect(other.findings.find(({ check }) => check === 'bridges')?.what).toBe(
      'no process of this group runs',
    );
    await Promise.all([run.kill(), second.kill()]);
  });

  it('finds a replica', async () => {
    const master = await freshRedis(KEEPS);
    const replica = await freshRedis([...KEEPS, '--replicaof', '127.0.0.1', String(master.port)]);
    const space = namespaceOn(replica.url);
    const { bad } = await doctor(space);
    const role = bad('mend').find(({ check }) => check === 'role');
    const there = { ...space, redis: `redis://127.0.0.1:${master.port}` };
    expect(role?.mend).toEqual([`cgroup start ${flagsOf(there).join(' ')}`]);
  });

  it('prints text without the password', async () => {
    const server = await freshRedis(['--requirepass', 'secret']);
    const url = server.url.replace('redis://', 'redis://:secret@');
    const run = cgroup(['doctor', '--redis', url]);
    expect((await run.exit).code).toBe(1);
    expect(run.stdout()).toMatch(/^FAIL {2}persistence +Redis keeps nothing on disk/m);
    expect(run.stdout()).toMatch(
      new RegExp(`\\$ redis-cli -p ${server.port} CONFIG SET appendonly yes$`, 'm'),
    );
    expect(run.stdout()).toMatch(/^1 thing to fix\.$/m);
    expect(run.stdout()).toMatch(/ACL SETUSER cgroup on >PASSWORD .*\+xreadgroup/);
    expect(run.stdout() + run.stderr()).not.toContain('secret');
  });

  it.each([
    ['is not reachable', () => 'redis://127.0.0.1:1', 'cannot reach Redis at 127.0.0.1:1'],
    [
      'refuses the user',
      () => shared.url.replace('redis://', 'redis://nobody:secret@'),
      'Redis does not accept this user and password',
    ],
  ])('has a finding and exit code 1 if Redis %s', async (_name, url, what) => {
    const { code, ok, findings, notes, acl } = await doctor({ ...namespaceOn(url()) });
    expect({ code, ok }).toEqual({ code: 1, ok: false });
    expect(findings).toMatchObject([
      { check: 'connection', status: 'mend', what: expect.stringContaining(what) },
    ]);
    expect(acl).toMatch(/^ACL SETUSER \w+ on >PASSWORD resetkeys /);
    for (const line of [...notes, ...findings.flatMap(({ mend }) => mend)])
      expect(line).not.toContain('secret');
    const text = cgroup(['doctor', '--redis', url()]);
    expect((await text.exit).code).toBe(1);
    expect(text.stdout()).toMatch(new RegExp(`^FAIL {2}connection {2}.*${what}`, 'm'));
  });

  it('has a finding for a Redis that accepts connections and does not answer', async () => {
    const server = await freshRedis();
    process.kill(server.pid, 'SIGSTOP');
    try {
      const { code, bad } = await doctor(namespaceOn(server.url));
      expect(code).toBe(1);
      expect(bad('mend')).toMatchObject([
        { check: 'connection', what: expect.stringContaining('no answer') },
      ]);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
  });

  it('has exit code 2 for wrong usage', async () => {
    expect((await cgroup(['doctor', '--what']).exit).code).toBe(2);
  });
});

describe('the ACL line for publishers', () => {
  it('lets them publish on the channel, and do nothing else to the group', async () => {
    const server = await freshRedis(KEEPS);
    const admin = await ask(server.url);
    const space = { ...namespaceOn(server.url), channel: 'orders:new' };
    const { publisherAcl } = await doctor(space);
    expect(publisherAcl).toMatch(/^ACL SETUSER publisher on >PASSWORD /);
    await admin.call('ACL', ...publisherAcl.replace('ACL ', '').replace('>PASSWORD', '>x').split(' '));
    const publisher = new Redis(server.url, {
      username: 'publisher',
      password: 'x',
      enableReadyCheck: false,
    });
    onTestFinished(() => publisher.disconnect());
    const { marks, bridge } = keysOf(space);
    expect(await publisher.publish(space.channel, '{"message_id":"1"}')).toBe(0);
    await expect(publisher.publish('orders-new', '')).rejects.toThrow('NOPERM');
    await expect(publisher.publish(marks, '')).rejects.toThrow('NOPERM');
    await expect(publisher.hgetall(bridge)).rejects.toThrow('NOPERM');
    await expect(publisher.subscribe(marks)).rejects.toThrow('NOPERM');
  });
});

describe('the ACL line', () => {
  it('is accepted by Redis, and enough for a group with all its scripts, status, verify, dead and publish', async () => {
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
    // Redis refused nothing else, to no user.
    const refused = (await admin.call('ACL', 'LOG')) as unknown[][];
    const objects = refused.map((entry) => String(entry[entry.indexOf('object') + 1]));
    expect(new Set(objects)).toEqual(new Set([isRedis6 ? 'config' : 'config|get']));
  }, 90_000);

  it.each([{}, { list: 'orders' }, { stream: 'events' }])(
    'shows each missing command, key and channel: %j',
    async (source) => {
      const admin = await ask(shared.url);
      const space = namespaceOn(shared.url);
      const names = { ...space, ...source, group: 'cgroup' };
      const rules = aclRules(keysOf(space), names);
      const missing = async (own: readonly string[]) => {
        await admin.call('ACL', 'SETUSER', 'least', 'reset', 'on', '>secret', ...own);
        const least = space.redis.replace('redis://', 'redis://least:secret@');
        const [connection, trial] = [0, 1].map(() => new Connection(least, 'test', silentLogger)) as [
          Connection,
          Connection,
        ];
        try {
          await Promise.all([connection.connect(), trial.connect()]);
          const opened = { connection, trial };
          const { commands, keys, channels } = await missingRights({ ...opened, keys: keysOf(space), names });
          return [
            ...commands.map((name) => `+${name}`),
            ...keys.map((key) => `~${key}`),
            ...channels.map((name) => `&${name}`),
          ];
        } finally {
          connection.close();
          trial.close();
        }
      };
      expect(await missing(rules)).toEqual([]);
      for (const rule of rules.filter((one) => one.startsWith('+')))
        expect(await missing(rules.filter((one) => one !== rule))).toEqual([rule]);
      for (const rule of rules.filter((one) => /^[~&]/.test(one))) {
        const lacks = await missing(rules.filter((one) => one !== rule));
        expect(lacks.length).toBeGreaterThan(0);
        for (const lack of lacks) expect(lack.startsWith(rule.replace(/\*$/, ''))).toBe(true);
      }
      // The doctor says so too, with the command that fixes it.
      await leastUser(space, admin);
      await admin.call('ACL', 'SETUSER', 'least', '-xclaim');
      const { bad, code } = await doctor({
        ...space,
        redis: space.redis.replace('redis://', 'redis://least:secret@'),
      });
      expect(code).toBe(1);
      expect(bad('mend')).toMatchObject([{ check: 'rights', what: 'the Redis user lacks +xclaim' }]);
      expect(bad('mend')[0]?.mend[0]).toContain('ACL SETUSER least resetkeys');
    },
  );
});
