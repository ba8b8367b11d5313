import { launchGroup } from '../contenders/index.js';
import { publish } from '../stage/publish.js';
import { sample } from '../stage/sample.js';
import { Stage } from '../stage/stage.js';

/** The default of Redis: it disconnects a subscriber at 32 MB at once, or 8 MB for a minute. */
const REDIS_DEFAULT = ['--client-output-buffer-limit', 'pubsub', '32mb', '8mb', '60'];
const EVERY_MS = 100;
/** ms without a relayed message after which no more are expected. */
const QUIET_MS = 5_000;

/**
 * A flood while no consumer runs: does the bridge keep reading? Redis keeps what it does not read in time, up to a limit:
 * the default one.
 */
export function stopped({ rate, seconds }, say) {
  return Stage.use(async (stage) => {
    await launchGroup(stage, ['--bridge', 'only']);
    const omem = sample(EVERY_MS, () => longestOutputBuffer(stage));
    const count = rate * seconds;
    const { began, ended } = await publish(stage, { count, rate });
    // Messages that were lost with a disconnected subscriber never come.
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

/** Bytes at which Redis disconnects a subscriber: at once (hard), and after a while (soft). */
async function pubsubLimits(stage) {
  const [, text] = await stage.redis.config('GET', 'client-output-buffer-limit');
  const [, hard, soft] = /pubsub (\d+) (\d+)/.exec(text).map(Number);
  return { hard, soft };
}
