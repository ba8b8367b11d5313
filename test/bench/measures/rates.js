import { contendersNamed } from '../contenders/index.js';
import { checkDelivery } from '../stage/delivery.js';
import { meter } from '../stage/meter.js';
import { publish } from '../stage/publish.js';
import { Stage } from '../stage/stage.js';

/** ms from the last PUBLISH to the last result within which a contender has kept up. */
const KEPT_UP_MS = 500;

/** Steady rates: which contenders keep up, and what a message costs. One that does not keep up skips the higher rates. */
export async function rates({ contenders, rates, seconds, rounds }, say) {
  const runs = [];
  for (let round = 1; round <= rounds; round++)
    for (const { name, launch } of contendersNamed(contenders))
      for (const rate of rates) {
        const run = await Stage.use((stage) => once(stage, launch, rate, seconds));
        runs.push({ contender: name, rate, round, ...run });
        say(`round ${round}, ${name} at ${rate} msg/s: ${Math.round(run.behindMs)} ms behind at the end`);
        if (!run.keptUp) break;
      }
  return { seconds, runs };
}

async function once(stage, launch, rate, seconds) {
  const child = await launch(stage);
  const warmUp = rate;
  await publish(stage, { count: warmUp, rate });
  await stage.untilOutput(warmUp);
  const costs = await meter(stage, child);
  const count = rate * seconds;
  const { began, ended, late } = await publish(stage, { first: warmUp, count, rate });
  await stage.untilOutput(warmUp + count);
  const cost = await costs(count);
  const { last } = await stage.outputTimes();
  await child.stop();
  await checkDelivery(stage, warmUp + count);
  const behindMs = Math.max(0, last - ended);
  const publishedRate = (count / (ended - began)) * 1_000;
  return { publishedRate, late, behindMs, keptUp: behindMs <= KEPT_UP_MS, ...cost };
}
