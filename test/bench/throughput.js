import { Lab } from './lab.js';
import { median, perSecond } from './numbers.js';

const PAYLOAD = '{"message_id":"00000000-0000-0000-0000-000000000000"}';
const CONSUMERS = 4;

/**
 * From PUBLISH to output at full flood: one publisher process, one group process, one Redis. Each round has
 * a Redis of its own, and is verified. The limit is XADD of the same payload by Redis's own benchmark.
 */
export async function throughput({ messages, rounds, say }) {
  say(`From PUBLISH to output, ${messages} messages at full flood, ${CONSUMERS} consumers:`);
  const runs = [];
  for (let round = 1; round <= rounds; round++) {
    const run = await Lab.use((lab) => flood(lab, messages));
    const share =
      run.limit === undefined
        ? ''
        : `, ${(run.rate / run.limit).toFixed(3)} of XADD (${perSecond(run.limit)})`;
    say(`  round ${round}: ${perSecond(run.rate)}${share}`);
    runs.push(run);
  }
  const rate = median(runs.map((run) => run.rate));
  say(`  median: ${perSecond(rate)}`);
  return { messages, consumers: CONSUMERS, rate, runs };
}

async function flood(lab, messages) {
  const limit = await lab.xaddLimit(PAYLOAD);
  const group = await lab.group(['--size', String(CONSUMERS)]);
  const publishing = lab.run(['publish', '--count', String(messages)]);
  // The publisher's own start does not count: the time runs from the first message.
  while ((await lab.status()).counters.relayed === 0);
  const began = performance.now();
  const ended = await lab.processed(messages);
  await publishing;
  await group.stop();
  const { ok } = await lab.run(['verify']);
  if (!ok) throw new Error('verify found a difference');
  return { rate: (messages / (ended - began)) * 1_000, limit };
}
