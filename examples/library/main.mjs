import { once } from 'node:events';
import { ConsumerGroup } from 'cgroup';

const group = new ConsumerGroup({
  redis: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  processor: handle,
  size: 2,
  timeout: '10s',
  maxAttempts: 2,
});

/** Runs on this thread: a function of the program may use all that the program has. */
async function handle(order) {
  if (!(order.count > 0)) throw new Error('the order has no count');
  return { ...order, total: order.price * order.count };
}

group.on('leading', () => console.log('leading: this process relays the channel'));
group.on('ready', () => console.log('ready: messages that are published now are processed'));
group.on('settled', ({ processed, retried, dead }) =>
  console.log(`settled: ${processed} processed, ${retried} to be tried again, ${dead} dead`),
);
group.on('failure', ({ inboxId, attempt, error, dead }) =>
  console.log(`failure: ${inboxId}, attempt ${attempt}: ${error}${dead ? ' (now a dead letter)' : ''}`),
);
group.on('gap', ({ reason }) => console.log(`gap: messages may be missing: ${reason}`));
group.on('lost', (count) => console.log(`lost: something else deleted ${count} messages from the inbox`));

// Listens before the start, which takes a moment: a signal may come during it.
const stopRequested = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
try {
  await group.start();
  await stopRequested;
} finally {
  await group.stop(); // finishes the attempts that run, and hands back the other messages
  console.log('stopped');
}
