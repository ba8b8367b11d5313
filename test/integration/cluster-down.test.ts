import { expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { startCluster } from '../helpers/cluster.js';
import { until } from '../helpers/until.js';

const COMMANDS = ['status', 'verify', 'peek', 'dead list', 'scale'];
/** In the slot of the output, at a node that is there. */
const LIST = '{messages:processed}:queue';

test('commands on a Cluster that is down say what is down, and publish waits for it', {
  timeout: 90_000,
}, async () => {
  const cluster = await startCluster({ replicas: 0 });
  const home = await cluster.nodeOf('messages:processed');
  const lost = (await cluster.masters()).find((node) => node !== home);
  await lost?.kill();
  const isDown = async () => /cluster_state:fail/.test(String(await home.call('CLUSTER', 'INFO')));
  await until(isDown, { timeout: 20_000 });
  for (const command of COMMANDS) {
    const run = cgroup([...command.split(' '), '--redis', home.url]);
    expect(await run.exit, command).toEqual({ code: 1, signal: null });
    expect(run.stderr(), command).toMatch(
      /the Cluster is down: some of its slots have no master .*: cgroup doctor --redis redis:\S+ prints/,
    );
  }
  const publishing = cgroup(
    `publish --list ${LIST} --rate 20 --count 40 --json --redis ${home.url}`.split(' '),
  );
  await publishing.line(/the Cluster is down.*waits for it, for 30 s at most/);
  expect(await home.call('LLEN', LIST).catch(String)).toMatch(/CLUSTERDOWN/);
  await lost?.restart();
  expect(await publishing.exit).toEqual({ code: 0, signal: null });
  const { published, unsure } = JSON.parse(publishing.stdout()) as { published: number; unsure: number };
  expect(await home.call('LLEN', LIST)).toBe(published);
  expect(published + unsure).toBe(40);
  expect(published).toBeGreaterThan(20);
});
