import { describe, expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../src/redis/keys.js';
import { aclRules } from '../../src/redis/rights.js';
import { parseSettings } from '../../src/settings/parse.js';
import { cgroup } from '../helpers/cli.js';
import { startCluster, withCluster } from '../helpers/cluster.js';
import { isRedis6 } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const running = withCluster({ masters: 3, replicas: 0 });

interface Diagnosis {
  readonly acl: string;
  readonly findings: readonly { check: string; status: string; what: string; mend: string[] }[];
}

async function doctor(url: string, ...flags: string[]): Promise<Diagnosis> {
  const run = cgroup(['doctor', '--json', '--redis', url, ...flags]);
  await run.exit;
  if (run.stdout() === '') throw new Error(run.stderr());
  return JSON.parse(run.stdout()) as Diagnosis;
}

/** A name for which `accepts` is true of its node. */
async function nameAt(prefix: string, accepts: (node: unknown) => boolean): Promise<string> {
  for (let i = 0; ; i++) {
    const name = `${prefix}${i}`;
    if (accepts(await running().nodeOf(name))) return name;
  }
}

/** Makes a user on each node, with these rules; returns the URL with it. */
async function userOnAll(rules: (node: unknown) => readonly string[]): Promise<string> {
  const { nodes } = running();
  for (const node of nodes)
    await node.call('ACL', 'SETUSER', 'least', 'reset', 'on', '>secret', ...rules(node));
  return String(nodes[0]?.url).replace('redis://', 'redis://least:secret@');
}

describe.skipIf(isRedis6)('the doctor of a sharded channel at another node than the output', () => {
  test('checks the rights there, and finds the other groups of the channel', async () => {
    const home = await running().nodeOf('messages:processed');
    const channel = await nameAt('news', (node) => node !== home);
    const atChannel = await running().nodeOf(channel);
    const other = await nameAt('other', (node) => node !== home && node !== atChannel);
    const url = String(running().urls[0]);
    const flags = ['--sharded', '--channel', channel];
    const groups = ['messages:processed', other].map((output) =>
      cgroup([
        'start',
        '--size',
        '1',
        '--redis',
        url,
        ...flags,
        '--output',
        output,
        '--consumer-list',
        `${output}:ids`,
      ]),
    );
    for (const group of groups) await group.line(/ready: /);

    const settings = parseSettings({
      redis: url,
      channel,
      sharded: true,
      consumerList: 'messages:processed:ids',
    });
    const rules = aclRules(keysOf(settings), { ...settings, cluster: true });
    const list = ['--consumer-list', 'messages:processed:ids'];
    const all = await doctor(await userOnAll(() => rules), ...flags, ...list);
    expect(all.findings.find(({ check }) => check === 'rights')).toMatchObject({ status: 'ok' });
    expect(all.findings.find(({ check }) => check === 'other groups')).toMatchObject({
      what: expect.stringContaining(other),
    });

    const without = await userOnAll((node) =>
      node === atChannel ? rules.filter((rule) => rule !== `&${channel}`) : rules,
    );
    const lacking = await doctor(without, ...flags, ...list);
    expect(lacking.findings.find(({ check }) => check === 'rights')).toMatchObject({
      status: 'mend',
      what: `the Redis user lacks &${channel}`,
    });
    for (const group of groups) expect(await group.kill()).toEqual({ code: 0, signal: null });
  });
});

test('a user who may not ask for the slots gets the line with that right', async () => {
  const settings = parseSettings({ redis: String(running().urls[0]) });
  const rules = aclRules(keysOf(settings), { ...settings, cluster: true });
  const url = await userOnAll(() => rules.filter((rule) => rule !== '+cluster|slots'));
  // Nodes are asked without a password first.
  const ofDefault = async (rule: string) => {
    for (const node of running().nodes) await node.call('ACL', 'SETUSER', 'default', rule);
  };
  await ofDefault('-cluster|slots');
  onTestFinished(() => ofDefault('+cluster|slots'));
  const { acl, findings } = await doctor(url);
  expect(findings).toMatchObject([
    { check: 'connection', status: 'mend', what: expect.stringMatching(/lacks a right .*cluster\|slots/) },
  ]);
  expect(acl).toContain('+cluster|slots');
  expect(findings[0]?.mend[0]).toContain('+cluster|slots');
});

test('a Cluster that has lost a node is down, and its ACL line has the keys of lanes', async () => {
  const cluster = await startCluster({ replicas: 0 });
  const home = await cluster.nodeOf('messages:processed');
  const lost = (await cluster.masters()).find((node) => node !== home);
  lost?.kill();
  const isDown = async () => /cluster_state:fail/.test(String(await home.call('CLUSTER', 'INFO')));
  await until(isDown, { timeout: 20_000 });
  const run = cgroup(['doctor', '--redis', home.url]);
  expect((await run.exit).code).toBe(1);
  expect(run.stdout()).toMatch(/connection +the Cluster is down: it refuses all commands/);
  const { acl } = await doctor(home.url);
  expect(acl).toContain('~messages:processed:{*}');
});
