import { launchGroup, launchServing } from '../contenders/index.js';
import { floodOnce } from '../stage/flooding.js';
import { Stage } from '../stage/stage.js';

const WATCHER = new URL('../stage/watcher.js', import.meta.url);
const SIZE = ['--size', 4];

/**
 * The cost of being watched: pairs of floods, one of a group with so many browsers on its event stream and a scrape of the
 * metrics each second, one of a group that serves nothing. The order alternates, so that a machine that becomes slower or
 * faster meanwhile favours neither.
 */
export async function watched({ messages, streams, pairs }, say) {
  const rounds = [];
  for (let pair = 1; pair <= pairs; pair++) {
    const runs = [
      ['watched', (stage) => floodWatched(stage, messages, streams)],
      ['alone', (stage) => floodAlone(stage, messages)],
    ];
    if (pair % 2 === 0) runs.reverse();
    const result = {};
    for (const [name, run] of runs) result[name] = await Stage.use(run);
    const { watched, alone } = result;
    say(`pair ${pair}: ${Math.round(watched.rate)} msg/s watched, ${Math.round(alone.rate)} alone`);
    rounds.push(result);
  }
  return { messages, streams, rounds };
}

async function floodAlone(stage, messages) {
  const child = await launchGroup(stage, SIZE);
  const measured = await floodOnce(stage, child, messages);
  await child.stop();
  return measured;
}

/** @throws {Error} if the watchers have not seen the group at work */
async function floodWatched(stage, messages, streams) {
  const { child, url } = await launchServing(stage, SIZE);
  const watcher = stage.spawn(WATCHER, { url, streams });
  await watcher.message('ready');
  const measured = await floodOnce(stage, child, messages);
  const report = watcher.message('seen');
  watcher.send({ end: true });
  const { scrapes, events } = (await report).seen;
  await child.stop();
  const seconds = messages / measured.rate;
  if (Math.min(scrapes, events) < Math.floor(seconds / 2))
    throw new Error(`in ${seconds} s there were ${scrapes} scrapes, and ${events} events on a stream`);
  return { ...measured, scrapes, events };
}
