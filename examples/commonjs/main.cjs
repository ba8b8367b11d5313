const { once } = require('node:events');
const handle = require('./handler.cjs');

async function main() {
  // cgroup is an ES module. import() loads it on every Node; from 20.19 on, require('cgroup') does too.
  const { ConsumerGroup } = await import('cgroup');
  const group = new ConsumerGroup({
    redis: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
    processor: handle,
    size: 2,
    timeout: '10s',
  });
  const stopRequested = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  try {
    await group.start();
    console.log('ready');
    await stopRequested;
  } finally {
    await group.stop();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
