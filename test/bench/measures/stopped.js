import { launchGroup } from '../contenders/index.js';
import { publish } from '../stage/publish.js';
import { sample } from '../stage/sample.js';
import { Stage } from '../stage/stage.js';

/** What Redis has by itself: 32 MB at once, or 8 MB for a minute, and the subscriber is cut off. */
const REDIS_DEFAULT = ['--client-output-buffer-limit', 'pubsub', '32mb', '8mb', '60'];
const EVERY_MS = 100;
/** No more is relayed after such a silence. */
const QUIET_MS = 5_000;

/**
 * A flood while no consumer runs: does the bridge keep reading? What it does not read in time, Redis keeps for it, up to a
 * limit. The limits are those that Redis has by itself.
 */
export function stopped({ rate, seconds }, say) {
  return Stage.use(async (stage) => {
    await launchGroup(stage, ['--bridge', 'only']);
    const omem = sample(EVERY_MS, () => longestOutputBuffer(stage));
    const count = rate * seconds;
    const { began, ended } = await publish(stage, { count, rate });
    // What was lost with a subscriber that was cut off will never come.
    await stage.untilQuiet(count, async () => (await stage.counters()).relayed, QUIET_MS);
    const outputBuffer = Math.max(...(await omem.end()).map(({ value }) => value));
    const { relayed, gaps } = await stage.counters();
    const publishedRate = (count / (ended - began)) * 1_000;
    say(`${relayed} of ${count} relayed, at most ${Math.round(outputBuffer / 1e6)} MB in the output buffer`);
    const limits = await pubsubLimits(stage);
    return { rate, seconds, publishedRate, published: count, relayed, gaps, outputBuffer, limits };
  }, REDIS_DEFAULT);
}

/** Bytes that Redis holds for the subscriber that is furthest behind. */
async function longestOutputBuffer(stage) {
  const clients = await stage.redis.client('LIST', 'TYPE', 'PUBSUB');
  return Math.max(0, ...[...clients.matchAll(/ omem=(\d+)/g)].map(([, bytes]) => Number(bytes)));
}

/** Bytes at which Redis cuts a subscriber off: at once (hard), and where it lasts (soft). */
async function pubsubLimits(stage) {
  const [, text] = await stage.redis.config('GET', 'client-output-buffer-limit');
  const [, hard, soft] = /pubsub (\d+) (\d+)/.exec(text).map(Number);
  return { hard, soft };
}
