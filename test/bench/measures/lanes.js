import { setTimeout as sleep } from 'node:timers/promises';
import { OUTPUT } from '../names.js';
import { ClusterStage } from '../stage/cluster-stage.js';
import { Tally } from '../stage/delivery.js';
import { preparePublisher, publish } from '../stage/publish.js';

const WARM_UP = 0.1;
const POLL_MS = 20;
/** ms without a result after which the measure fails. */
const STALL_MS = 60_000;
const PAGE = 5_000;

/**
 * One group on a Cluster of three nodes, with 1, 2 and 3 lanes in turn, each at a node of its own: CPU for a message, of the
 * group and of each node, and which part of the messages a node has. All nodes share the cores of one machine, so msg/s says
 * nothing of three machines.
 */
export async function lanes({ counts, messages, rounds }, say) {
  const runs = [];
  for (let round = 1; round <= rounds; round++)
    for (const count of counts) {
      const run = await ClusterStage.use((stage) => once(stage, count, messages));
      say(`round ${round}, ${count} lanes: ${Math.round(run.rate)} msg/s`);
      runs.push({ lanes: count, round, ...run });
    }
  return { messages, runs };
}

async function once(stage, count, messages) {
  const outputs = count === 1 ? [OUTPUT] : Array.from({ length: count }, (_, i) => `${OUTPUT}:{${i}}`);
  const homes = await spread(stage, outputs);
  const child = await stage.cgroup(['--size', 4, '--lanes', count]);
  const warmUp = Math.ceil(messages * WARM_UP);
  await publish(stage, { count: warmUp });
  await untilOutput(outputs, homes, warmUp);

  const go = await preparePublisher(stage, { first: warmUp, count: messages });
  const moved = await strays(stage.nodes);
  const [nodes, group] = [await cpuOf(stage.nodes), child.usage().cpuMs];
  const { began } = await go();
  await untilOutput(outputs, homes, warmUp + messages);
  const ended = Date.now();
  const used = (await cpuOf(stage.nodes)).map((ms, i) => ((ms - nodes[i]) * 1_000) / messages);
  const groupMicros = ((child.usage().cpuMs - group) * 1_000) / messages;
  const parts = await check(outputs, homes, warmUp + messages);
  await child.stop();
  return {
    rate: (messages / (ended - began)) * 1_000,
    groupMicros,
    /** The nodes with a lane, in the order of the lanes, then the others. */
    nodeMicros: [...homes, ...stage.nodes.filter((node) => !homes.includes(node))].map(
      (node) => used[stage.nodes.indexOf(node)],
    ),
    parts: parts.map((part) => part / (warmUp + messages)),
    strays: (await strays(stage.nodes)) - moved,
  };
}

/** Gives each lane a node of its own; resolves to the nodes. The first one has the group, too. */
async function spread({ cluster, nodes }, outputs) {
  const base = nodes.indexOf(await cluster.nodeOf(OUTPUT));
  const homes = outputs.map((_, i) => nodes[(base + i) % nodes.length]);
  for (const [i, output] of outputs.entries())
    if ((await cluster.nodeOf(output)) !== homes[i])
      await cluster.moveSlot(await cluster.slotOf(output), homes[i]);
  return homes;
}

async function cpuOf(nodes) {
  return Promise.all(
    nodes.map(async (node) => {
      const info = await node.call('INFO', 'cpu');
      const seconds = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)[1]);
      return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1_000;
    }),
  );
}

/** Waits until all lanes together have so many results. */
async function untilOutput(outputs, homes, count) {
  let [last, since] = [-1, performance.now()];
  for (;;) {
    const lengths = await Promise.all(outputs.map((output, i) => homes[i].call('XLEN', output)));
    const all = lengths.reduce((a, b) => a + b);
    if (all >= count) return;
    if (all !== last) [last, since] = [all, performance.now()];
    if (performance.now() - since > STALL_MS) throw new Error(`${all} of ${count} results, and no more`);
    await sleep(POLL_MS);
  }
}

/** Reads all lanes: each message must have one result. Resolves to how many each lane has. */
async function check(outputs, homes, count) {
  const tally = new Tally(count);
  const parts = [];
  for (const [i, output] of outputs.entries()) {
    let [from, size, page] = ['-', 0];
    do {
      page = await homes[i].call('XRANGE', output, from, '+', 'COUNT', PAGE);
      for (const [, fields] of page) tally.add(fields);
      size += page.length;
      from = `(${page.at(-1)?.[0]}`;
    } while (page.length === PAGE);
    parts.push(size);
  }
  tally.close();
  return parts;
}

/** How many commands have come to a node that has not their keys. */
async function strays(nodes) {
  const errors = await Promise.all(nodes.map((node) => node.call('INFO', 'errorstats')));
  return errors.reduce((sum, text) => sum + Number(/errorstat_MOVED:count=(\d+)/.exec(text)?.[1] ?? 0), 0);
}
