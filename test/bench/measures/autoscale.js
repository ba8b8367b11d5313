import { setTimeout as sleep } from 'node:timers/promises';
import { GroupClient } from '../../../dist/index.js';
import { launchGroup } from '../contenders/index.js';
import { publish } from '../stage/publish.js';
import { Stage } from '../stage/stage.js';

const EVERY_MS = 200;
/** The share of their time that consumers are to be busy: part of the formula. */
const UTILISATION = 0.7;
/** How far from the right size counts as right. */
const TOLERANCE = 0.2;

/**
 * A group that finds its size: managed processes, messages that take `work` ms, one arrival rate after the other. For each
 * rate: how soon the size is right and stays so, how many decisions that took, and for how long there was a backlog.
 */
export function autoscale({ processes, work, phases, drainWithinMs }, say) {
  return Stage.use(async (stage) => {
    for (let i = 0; i < processes; i++) await launchGroup(stage, ['--managed', '--simulate-ms', work]);
    const client = await GroupClient.connect({ redis: `redis://127.0.0.1:${stage.port}` });
    try {
      await client.scale({ min: 1, max: 100, drainWithin: drainWithinMs });
      const runs = [];
      let first = 0;
      for (const { rate, seconds } of phases) {
        const run = await play(stage, client, { first, rate, seconds, work, drainWithinMs });
        first += rate * seconds;
        say(JSON.stringify(run));
        runs.push(run);
      }
      return { processes, work, drainWithinMs, runs };
    } finally {
      client.close();
    }
  });
}

async function play(stage, client, { first, rate, seconds, work, drainWithinMs }) {
  const right = (rate * (work / 1_000)) / UTILISATION;
  const [least, most] = [Math.floor(right * (1 - TOLERANCE)), Math.ceil(right * (1 + TOLERANCE))];
  const seen = (await client.events()).at(-1)?.revision ?? 0;
  const began = performance.now();
  const readings = [];
  let published = false;
  const publishing = publish(stage, { first, count: rate * seconds, rate }).then(() => {
    published = true;
  });
  while (!published) {
    const { backlog, consumers, control } = await client.status();
    readings.push({
      at: performance.now() - began,
      size: control.size,
      consumers: consumers.length,
      backlog,
    });
    await sleep(EVERY_MS);
  }
  await publishing;
  const wrong = readings.findLastIndex(({ size }) => size < least || size > most);
  const rightMs = wrong === readings.length - 1 ? undefined : (readings[wrong + 1]?.at ?? 0);
  // The step of the rate makes a backlog at its start. What is in work is part of it: it counts as gone when each consumer has no
  // more than two messages.
  const early = readings.filter(({ at }) => at < drainWithinMs);
  const peak = early.reduce((a, b) => (b.backlog > a.backlog ? b : a));
  const gone = readings.find(({ at, backlog, consumers }) => at >= peak.at && backlog <= 2 * consumers);
  const events = (await client.events()).filter(({ revision }) => revision > seen);
  return {
    rate,
    seconds,
    right,
    size: readings.at(-1).size,
    rightMs,
    decisions: events.length,
    backlogMs: gone?.at ?? seconds * 1_000,
    mostBacklog: peak.backlog,
    whys: events.map(({ why }) => why),
  };
}
