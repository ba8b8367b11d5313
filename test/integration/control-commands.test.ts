import { hostname, userInfo } from 'node:os';
import { describe, expect, onTestFinished, test } from 'vitest';
import { GroupClient } from '../../src/index.js';
import { type CliRun, cgroup } from '../helpers/cli.js';
import { type Namespace, withRedis } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { openStores, type Stores } from '../helpers/stores.js';

const redis = withRedis();
const me = `${userInfo().username}@${hostname()}`;

interface Pretended {
  readonly id: string;
  readonly host: string;
  readonly managed?: boolean;
  readonly capacity?: number;
  /** False: it does not follow its share. */
  readonly obeys?: boolean;
}

/** Processes that beat on a real Redis, and follow their shares, one consumer more or less with each beat. */
async function pretend(stores: Stores, processes: readonly Pretended[]): Promise<void> {
  const running = processes.map(({ id, host, managed = true, capacity = 10, obeys = true }) => {
    const registry = stores.registryOf(id, host);
    const report = { id, host, pid: 7, managed, capacity, settled: 0, busyMs: 0 };
    let consumers = managed ? 0 : capacity;
    return async () => {
      const { share } = await registry.beat({ ...report, consumers }, [], [], 60_000);
      if (obeys && share !== undefined) consumers += Math.sign(share - consumers);
    };
  });
  for (const beat of running) await beat();
  let ended = false;
  const beats = (async () => {
    while (!ended) {
      for (const beat of running) await beat();
      await new Promise((done) => setTimeout(done, 10));
    }
  })();
  onTestFinished(async () => {
    ended = true;
    await beats;
  });
}

/** A group with pretended processes, and its commands. */
async function groupWith(...processes: Pretended[]) {
  const space: Namespace = redis.namespace();
  const stores = await openStores(space);
  await pretend(stores, processes);
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  const started = (...args: string[]) => cgroup([...args, ...flagsOf(space)]);
  const run = async (...args: string[]) => {
    const one = started(...args);
    const { code } = await one.exit;
    return { code, stdout: one.stdout().trimEnd(), stderr: errorsOf(one) };
  };
  return { stores, client, run, started };
}

/** What a command says is wrong, without its log. */
function errorsOf(run: CliRun): string {
  return run
    .stderr()
    .split('\n')
    .filter((line) => line.startsWith('cgroup: '))
    .join('\n');
}

const TWO_HOSTS = [
  { id: 'web1-7-a', host: 'web1' },
  { id: 'web1-8-b', host: 'web1' },
  { id: 'web2-9-c', host: 'web2' },
];

describe('cgroup scale', () => {
  test('waits until so many run, and keeps who and why', async () => {
    const { client, run } = await groupWith(...TWO_HOSTS);
    expect(await run('scale', '14', '--why', 'sale')).toEqual({
      code: 0,
      stdout: '14 consumers run in 3 processes on 2 hosts',
      stderr: '',
    });
    expect((await client.processes()).map(({ consumers }) => consumers)).toEqual([4, 3, 7]);
    expect(await client.events()).toMatchObject([
      { who: me, why: 'sale', what: expect.stringMatching(/14$/) },
    ]);
    expect((await run('scale', '3')).stdout).toBe('3 consumers run in 3 processes on 2 hosts (14 before)');
    const { control, processes } = await client.status();
    expect(control).toMatchObject({ size: 3, running: 3, wanted: 3, capacity: 30, managed: 3, hosts: 2 });
    expect(processes.map(({ id }) => id)).toEqual(['web1-7-a', 'web1-8-b', 'web2-9-c']);
  });

  test('says where capacity is missing, and the size stays', async () => {
    const { client, run } = await groupWith(...TWO_HOSTS);
    expect(await run('scale', '50')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'cgroup: wanted 50, capacity 30 on 2 hosts: start more processes or raise --capacity; 50 stays wanted',
    });
    expect((await client.control()).size).toBe(50);
  });

  test('says how to start a managed process if there is none, and shows the fixed ones', async () => {
    const { run } = await groupWith({ id: 'old-1-x', host: 'old', managed: false, capacity: 4 });
    expect(await run('scale', '2')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('start one with cgroup start --managed'),
    });
    expect((await run('status')).stdout).toMatch(/^old-1-x +old +7 +fixed +4 +4$/m);
  });

  test('gives up after --timeout, and does not wait with --no-wait', async () => {
    const { run } = await groupWith({ id: 'deaf-1-x', host: 'deaf', obeys: false });
    expect(await run('scale', '2', '--timeout', '300ms')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('0 of 2 consumers run after 300ms'),
    });
    expect(await run('scale', '3', '--no-wait')).toMatchObject({
      code: 0,
      stdout: '3 consumers wanted (2 before)',
    });
  });

  test('says who has another idea meanwhile', async () => {
    const { client, started } = await groupWith({ id: 'deaf-1-x', host: 'deaf', obeys: false });
    const waiting = started('scale', '8');
    await expect.poll(async () => (await client.control()).size, { timeout: 10_000 }).toBe(8);
    await client.scale(5, { why: 'no, 5' });
    expect((await waiting.exit).code).toBe(1);
    expect(errorsOf(waiting)).toMatch(new RegExp(`overruled meanwhile by ${me} \\(size 8 -> 5: no, 5\\)`));
  });

  test('shows size, change, sizes and processes; in JSON too', async () => {
    const { client, run } = await groupWith(...TWO_HOSTS);
    expect((await run('scale')).stdout).toMatch(/^size +3 \(never set/);
    await run('scale', '6', '--why', 'half');
    const { stdout } = await run('scale');
    expect(stdout).toMatch(/^size +6\nrunning +6\ncapacity +30 in 3 processes on 2 hosts\nautoscale +off\n/);
    expect(stdout).toMatch(new RegExp(`^last change +\\S+ by ${me}: size .*6: half$`, 'm'));
    const facts = JSON.parse((await run('scale', '--json')).stdout);
    const { control, processes } = await client.status();
    const shares = processes.map(({ id, share, consumers }) => ({ id, share, consumers }));
    expect(facts).toMatchObject({ control, processes: shares, lastChange: { who: me, why: 'half' } });
  });

  test('turns autoscaling on with bounds, and a size turns it off', async () => {
    const { client, run } = await groupWith(...TWO_HOSTS);
    const { stdout } = await run('scale', '--auto', '--min', '4', '--drain-within', '20s');
    expect(stdout).toMatch(/^autoscale 4 to 100, backlog gone within 20s:/);
    expect((await client.control()).autoscale).toEqual({ min: 4, max: 100, drainWithin: 20_000 });
    expect((await run('scale', '--auto', '--min', '200')).code).toBe(2);
    await run('scale', '5');
    expect((await client.control()).autoscale).toBeUndefined();
  });

  test.each([
    [['scale', '-1'], 'cgroup: size: must be a whole number, from 0 to 10000; got -1\n'],
    [
      ['scale', '--auto', '--drain-within', '0s'],
      'cgroup: --drain-within: must be above 0, at least 1ms; got 0s\n',
    ],
    [['scale', '--auto', '--max', 'x'], 'cgroup: --max: must be a whole number, from 1 to 10000; got x\n'],
    [['scale', 'many'], 'cgroup: size: must be a whole number, from 0 to 10000; got many\n'],
    [['scale', '10001'], 'must be a whole number, from 0 to 10000; got 10001'],
    [['scale', '5', '--auto'], 'give a size, or --auto'],
    [['scale', '--max', '5'], 'are for --auto'],
    [['scale', '--auto', '--min', '9', '--max', '8'], '--min 9 is above --max 8'],
    [['scale', '--no-wait'], 'give a size, or --auto'],
  ])('refuses %j as wrong usage', async (args, error) => {
    const run = cgroup(args);
    expect((await run.exit).code).toBe(2);
    expect(run.stderr()).toContain(error);
  });
});

test('a group that never ran is warned of, until its control exists', async () => {
  const flags = flagsOf(redis.namespace());
  const warned = async (...args: string[]) => {
    const one = cgroup([...args, ...flags]);
    expect((await one.exit).code).toBe(0);
    return one.stderr().includes('no group has run here');
  };
  expect(await warned('status')).toBe(true);
  await warned('scale', '6', '--no-wait');
  expect([await warned('status'), await warned('events')]).toEqual([false, false]);
});

test('cgroup pause and resume are kept with who and why, and say if there is nothing to do', async () => {
  const { client, run } = await groupWith(...TWO_HOSTS);
  expect((await run('resume')).stdout).toBe('the group is not paused');
  expect(await run('pause', '--why', 'upgrade')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^paused: takes effect within a heartbeat/),
  });
  const [{ at = '' } = {}] = await client.events();
  await client.scale(7);
  const by = `PAUSED by ${me} since ${at}: upgrade`;
  expect(await run('pause')).toMatchObject({ code: 0, stdout: `already ${by}` });
  expect((await run('status')).stdout).toContain(`7 wanted`);
  expect((await run('status')).stdout).toContain(by);
  expect((await run('doctor')).stdout).toMatch(
    new RegExp(`^note +control +the group is paused, by ${me}`, 'm'),
  );
  expect((await run('resume')).stdout).toMatch(/^resumed/);
  const { paused, pausedBy } = (await client.status()).control;
  expect({ paused, pausedBy }).toEqual({ paused: false, pausedBy: null });
});

test('cgroup drain empties a host or a process, and undrain ends that', async () => {
  const { client, run } = await groupWith(...TWO_HOSTS);
  await run('scale', '12');
  expect(await run('drain', 'web1')).toMatchObject({
    code: 0,
    stdout: 'web1 is drained: it runs no consumers',
    stderr: '',
  });
  expect((await client.processes()).map(({ consumers, drained }) => [consumers, drained])).toEqual([
    [0, true],
    [0, true],
    [10, false],
  ]);
  expect((await run('scale', '12')).stderr).toContain('wanted 12, capacity 10 on 1 host');
  expect((await run('undrain', 'web1')).stdout).toMatch(/^web1 is not drained any more/);
  expect(await run('drain', 'web2-9-c', '--no-wait')).toMatchObject({ code: 0 });
  expect((await run('scale', '12')).stdout).toBe('12 consumers run in 2 processes on 1 host');

  expect((await run('drain', 'web1')).stdout).toBe(
    'web1 is drained: it runs no consumers\n' +
      'all managed processes are drained: no managed consumers run; cgroup undrain web1 ends that',
  );
  await run('undrain', 'web1');

  expect(await run('drain', 'web3')).toMatchObject({
    code: 1,
    stderr:
      'cgroup: no live host or process is named web3 (did you mean web1?); hosts: web1, web2; processes: web1-7-a, web1-8-b, web2-9-c',
  });
  expect(await run('undrain', 'web3')).toMatchObject({
    code: 1,
    stderr: 'cgroup: web3 is not drained (did you mean web2-9-c?); drained: web2-9-c',
  });
});

test('cgroup events lists the changes, the newest first', async () => {
  const { run } = await groupWith(...TWO_HOSTS);
  const long = 'three '.repeat(30).trim();
  expect((await run('events')).stdout).toMatch(/^no changes/);
  await run('scale', '3', '--why', 'one');
  await run('pause', '--why', 'two');
  await run('drain', 'web1', '--why', long);
  const [head, newest] = (await run('events', '--limit', '1')).stdout.split('\n');
  expect(head).toMatch(/^time +revision +who +what +why$/);
  expect(newest).toMatch(new RegExp(`^\\S+Z +3 +${me} +drained web1 +${long}$`));
  const all = JSON.parse((await run('events', '--json')).stdout) as Record<string, unknown>[];
  expect(all.map(({ why }) => why)).toEqual([long, 'two', 'one']);
  expect(Object.keys(all[0] ?? {})).toEqual(['at', 'revision', 'who', 'what', 'why']);
});

test('two operators who have seen the same revision: one changes, the other is refused', async () => {
  const { client } = await groupWith(...TWO_HOSTS);
  const { revision } = await client.control();
  const both = await Promise.allSettled([
    client.scale(4, { revision, why: 'four' }),
    client.scale(9, { revision, why: 'nine' }),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const refused = both.find((one) => one.status === 'rejected');
  expect(refused).toMatchObject({ reason: { code: 'STALE', message: expect.stringContaining(me) } });
  expect(await client.events()).toHaveLength(1);
});

test('drains that are made at the same time are all kept', async () => {
  const { client } = await groupWith(...TWO_HOSTS);
  await Promise.all(['web1', 'web1-8-b', 'web2'].map((name) => client.drain(name)));
  expect((await client.control()).drained).toEqual(['web1', 'web1-8-b', 'web2']);
});
