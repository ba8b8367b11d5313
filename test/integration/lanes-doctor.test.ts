import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { examine } from '../../src/doctor/doctor.js';
import { ConsumerGroup } from '../../src/group/consumer-group.js';
import { GroupClient } from '../../src/observe/client.js';
import { cgroup } from '../helpers/cli.js';
import { withCluster } from '../helpers/cluster.js';
import { groupWithLanes, type TestLane } from '../helpers/lanes.js';
import { type Namespace, namespaceOn, withRedis } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const cluster = withCluster({ replicas: 0 });
const plain = withRedis();

const url = () => cluster().urls[0] as string;

async function clientOf(space: object) {
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  return client;
}

test('the doctor reads each lane, and says which node has it', async () => {
  const { space, lanes } = await groupWithLanes(url(), 3);
  const [one, , three] = lanes as [TestLane, TestLane, TestLane];
  await one.connection.call('HSET', one.keys.counters, 'relayed', 'many');
  await three.connection.call('SET', three.keys.parked, 'mine');
  const report = await examine({
    redis: space.redis,
    output: space.output,
    consumerList: space.consumerList,
  });
  const found = (name: string) => report.findings.filter(({ check }) => check === name);
  expect(found('keys')).toMatchObject([
    { status: 'mend', what: `${three.keys.parked} holds a string, not a zset` },
  ]);
  expect(found('rights')).toMatchObject([{ status: 'ok' }]);
  expect(report.acl).toContain(` ~${space.output}:{*} ~cgroup:${space.output}:{*}:* `);
  expect(report.acl).toContain('+cluster|slots');

  await three.connection.call('DEL', three.keys.parked);
  const again = await examine({ ...space });
  expect(again.findings.find(({ check }) => check === 'keys')).toMatchObject({
    status: 'mend',
    what: expect.stringContaining(`"relayed" in ${one.keys.counters}`),
  });
  expect(again.findings.filter(({ check }) => ['stream ids', 'owner'].includes(check))).toMatchObject([
    { status: 'ok' },
    { status: 'ok' },
  ]);
});

test('the doctor says how to give a lane to a node that has none, and it works', async () => {
  // The slots of {0}, {1} and {2} are at two of three nodes.
  const { space, lanes } = await groupWithLanes(url(), 3);
  const client = await clientOf(space);
  const laneFinding = async () =>
    (await examine({ ...space })).findings.find(({ check }) => check === 'lanes');
  for (const lane of lanes) await lane.relay('a', 'b');
  const found = await laneFinding();
  expect(found).toMatchObject({
    status: 'note',
    what: expect.stringMatching(/ has 2 lanes \(\{1\} \{2\}\), .* has one lane \(\{0\}\), .* has no lane$/),
  });
  for (const { words } of found?.fixes ?? []) {
    const [program = '', ...args] = words;
    await promisify(execFile)(program, args);
  }
  await cluster().settled();
  expect(await laneFinding()).toMatchObject({ status: 'ok' });
  const status = await until(() => client.status().catch(() => undefined));
  expect(new Set(status.lanes?.map(({ node }) => node)).size).toBe(3);
  expect(status).toMatchObject({ backlog: 6, lanes: [{ backlog: 2 }, { backlog: 2 }, { backlog: 2 }] });
});

/** What `cgroup doctor` says of the lanes with so many given, and what it advises. */
async function doctorWith(space: Namespace, ...lanes: string[]) {
  const run = cgroup(['doctor', ...flagsOf(space), ...lanes, '--json']);
  await run.exit;
  const { findings } = JSON.parse(run.stdout()) as {
    findings: { check: string; status: string; what: string; mend: string[] }[];
  };
  return findings.filter(({ check, status }) => check === 'lanes' && status !== 'ok');
}

test('the doctor says that a start with other lanes is refused, in the words of the start', async () => {
  const { space, lanes } = await groupWithLanes(url(), 3);
  const spread = ({ what }: { what: string }) => what.includes(' has 2 lanes (');
  const found = async (...flags: string[]) =>
    (await doctorWith(space, ...flags)).filter((one) => !spread(one));
  expect(await found()).toEqual([]);
  expect(await found('--lanes', '3')).toEqual([]);
  expect(await found('--lanes', '2')).toMatchObject([
    {
      status: 'note',
      what: 'the group has 3 lanes, and the settings say 2: no process runs and nothing waits, so a start takes 2',
      mend: [expect.stringMatching(/^cgroup start --lanes 3 --redis /)],
    },
  ]);
  await lanes[2]?.relay('a');
  const refused = `lanes cannot become 2 yet: the group has 3 lanes, and 1 message waits in ${space.output}:{2}. `;
  expect(await found('--lanes', '2')).toMatchObject([
    { status: 'mend', what: expect.stringContaining(refused) },
  ]);
  const start = cgroup(['start', ...flagsOf(space), '--lanes', '2']);
  expect((await start.exit).code).toBe(2);
  expect(start.stderr()).toContain(refused);
  expect(start.stderr()).toMatch(
    /Type cgroup start --lanes 3 --redis \S+ .*, wait until cgroup status --redis /,
  );
  expect(start.stderr()).not.toContain('--lanes 2');
}, 60_000);

test('the doctor says that other processes run with other lanes, and that lanes need a Cluster', async () => {
  const space = namespaceOn(url());
  const group = new ConsumerGroup({ ...space, lanes: 2 });
  onTestFinished(() => group.stop());
  await group.start();
  const mend = 'another process of this group runs with --lanes 2, and this one has 3';
  expect(await doctorWith(space, '--lanes', '3')).toMatchObject([
    { status: 'mend', what: expect.stringContaining(mend) },
  ]);
  expect(await doctorWith(plain.namespace(), '--lanes', '3')).toMatchObject([
    { status: 'mend', what: expect.stringContaining('and this Redis is none: set lanes to 1') },
  ]);
}, 60_000);

test('what status tells to type has the lanes: of the group, or else those that are given', async () => {
  const { space } = await groupWithLanes(url(), 3);
  const statusOf = async (names: Namespace, ...flags: string[]) => {
    const run = cgroup(['status', ...flagsOf(names), ...flags]);
    expect((await run.exit).code).toBe(0);
    return run.stdout();
  };
  expect(await statusOf(space)).toContain('(cgroup start --lanes 3 --redis ');
  const fresh = { ...space, output: `${space.output}-new` };
  expect(await statusOf(fresh, '--lanes', '2')).toContain('(cgroup start --lanes 2 --redis ');
  expect(await statusOf(plain.namespace(), '--lanes', '1')).toMatch(/\(cgroup start --redis .* --lanes 1 /);
}, 60_000);
