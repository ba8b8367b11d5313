import { launchGroup } from '../contenders/index.js';
import { publish } from '../stage/publish.js';
import { sample } from '../stage/sample.js';
import { Stage } from '../stage/stage.js';

const SIZE = 4;
const EVERY_MS = 1_000;
/** Results that Redis keeps, so that its own memory suffices. */
const KEPT = 1_000_000;

/** Memory of the process at a steady rate, for a long time. */
export function soak({ rate, seconds }, say) {
  return Stage.use(async (stage) => {
    const child = await launchGroup(stage, ['--size', SIZE, '--output-max-len', KEPT]);
    const memory = sample(EVERY_MS, () => child.usage().rss);
    const count = rate * seconds;
    const { began, ended } = await publish(stage, { count, rate });
    const readings = (await memory.end()).map(({ at, value }) => ({ at: Math.round(at), rss: value }));
    const atEnd = await stage.counters();
    await stage.untilReaches(count, async () => (await stage.counters()).processed, 'processed');
    const publishedRate = (count / (ended - began)) * 1_000;
    const { peak } = child.usage();
    say(`at most ${Math.round(peak / 1e6)} MB, ${count - atEnd.processed} messages behind at the end`);
    return { rate, seconds, publishedRate, behind: count - atEnd.processed, peak, readings };
  });
}
