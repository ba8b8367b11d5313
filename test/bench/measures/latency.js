import { contendersNamed } from '../contenders/index.js';
import { publish } from '../stage/publish.js';
import { Stage } from '../stage/stage.js';

const WITNESS = new URL('../stage/witness.js', import.meta.url);
/** Seconds at the rate before the measure starts. */
const WARM_UP = 2;
/** ms: a contender with a longer median has a backlog, and skips the higher rates. */
const BACKLOG_MS = 500;

/** Latency from PUBLISH to a reader of the output, at steady rates. */
export async function latency({ contenders, rates, seconds, rounds }, say) {
  const runs = [];
  for (let round = 1; round <= rounds; round++)
    for (const { name, launch } of contendersNamed(contenders))
      for (const rate of rates) {
        const run = await Stage.use((stage) => latencyOnce(stage, launch, { rate, seconds }));
        runs.push({ contender: name, rate, round, ...run });
        say(`round ${round}, ${name} at ${rate} msg/s: p50 ${run.p50} ms, p99 ${run.p99} ms`);
        if (run.p50 > BACKLOG_MS) break;
      }
  return { seconds, runs };
}

/** @returns percentiles in ms, and the lateness of the publisher itself in ms: p99 and maximum */
export async function latencyOnce(stage, launch, { rate, seconds }) {
  const child = await launch(stage);
  const [first, count] = [rate * WARM_UP, rate * seconds];
  const witness = stage.spawn(WITNESS, { first, count });
  await witness.message('ready');
  const seen = witness.message('latency', 'it had seen every message');
  const { late, lateP99 } = await publish(stage, { count: first + count, rate, stamped: true });
  const { latency } = await seen;
  await child.stop();
  return { ...latency, late, lateP99 };
}
