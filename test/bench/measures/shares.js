import { setTimeout as sleep } from 'node:timers/promises';
import { GroupClient } from '../../../dist/index.js';
import { luaOf } from '../../../dist/redis/protocol/script.js';
import { launchGroup } from '../contenders/index.js';
import { shaOf } from '../stage/sha.js';
import { Stage } from '../stage/stage.js';

const CONSUMER_IDS = 'consumer:ids';
const POLL_MS = 10;
/** ms after which a size that does not come fails the measure. */
const NEVER_MS = 60_000;
/** Processes that start at the same time: more would only wait for the cores. */
const AT_ONCE = 4;
const SLOWLOG = ['--slowlog-log-slower-than', '200', '--slowlog-max-len', '10000'];

/**
 * How soon real managed processes, idle, run what is wanted: a size is set, one process is killed, one joins, a small size
 * is set. Counted until `consumer:ids` shows it.
 */
export async function shares({ groups, rounds }, say) {
  const runs = [];
  for (const group of groups)
    for (let round = 1; round <= rounds; round++) {
      const run = await Stage.use((stage) => play(stage, group), SLOWLOG);
      say(`${group.processes} processes: ${JSON.stringify(run)}`);
      runs.push({ ...group, ...run });
    }
  return { runs };
}

async function play(stage, { processes, hosts, size, small }) {
  const client = await GroupClient.connect({ redis: `redis://127.0.0.1:${stage.port}` });
  try {
    const running = [];
    while (running.length < processes) {
      const next = Array.from({ length: Math.min(AT_ONCE, processes - running.length) }, (_, i) =>
        launch(stage, (running.length + i) % hosts),
      );
      running.push(...(await Promise.all(next)));
    }
    const spread = (wanted) => untilSpread(stage, () => running, wanted);

    const scaledMs = await timeOf(async () => {
      await client.scale(size);
      await spread(size);
    });

    const [victim] = running.splice(1, 1);
    victim.kill();
    const killedMs = await timeOf(() => spread(size));

    running.push(await launch(stage, 1 % hosts));
    const before = await listed(stage);
    const joinedMs = await timeOf(() => spread(size));
    const after = await listed(stage);
    const moves = before.filter((id) => !after.includes(id)).length;
    const least = after.filter((id) => owns(running.at(-1), id)).length;

    const reducedMs = await timeOf(async () => {
      await client.scale(small);
      await untilSize(stage, small);
    });
    const longestMs = await longestBeat(stage.redis);
    await Promise.all(running.map((one) => one.stop()));
    return { scaledMs, killedMs, joinedMs, moves, least, reducedMs, longestMs };
  } finally {
    client.close();
  }
}

function launch(stage, host) {
  return launchGroup(stage, ['--managed', '--host', `host-${host}`, '--capacity', 64]);
}

/** Waits until each process runs its part of the size, evenly within one over hosts of equal processes. */
async function untilSpread(stage, running, size) {
  await untilTrue(async () => {
    const ids = await listed(stage);
    const counts = running().map((one) => ids.filter((id) => owns(one, id)).length);
    const sum = counts.reduce((a, b) => a + b, 0);
    return ids.length === size && sum === size && Math.min(...counts) > 0;
  });
}

async function untilSize(stage, size) {
  await untilTrue(async () => (await listed(stage)).length === size);
}

function listed(stage) {
  return stage.redis.lrange(CONSUMER_IDS, 0, -1);
}

function owns({ pid }, id) {
  return id.includes(`-${pid}-`);
}

async function untilTrue(condition) {
  const deadline = performance.now() + NEVER_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not so after ${NEVER_MS / 1_000} s`);
    await sleep(POLL_MS);
  }
}

async function timeOf(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** ms that the longest heartbeat kept Redis busy; less than is logged counts as what is logged least. */
async function longestBeat(redis) {
  const sha = shaOf(luaOf('beat'));
  const entries = await redis.call('SLOWLOG', 'GET', '10000');
  const micros = entries.filter(([, , , [, name]]) => name === sha).map(([, , taken]) => taken);
  return Math.max(200, ...micros) / 1_000;
}
