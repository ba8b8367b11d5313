import { setTimeout as sleep } from 'node:timers/promises';
import { COUNTERS } from '../keys.js';
import { AFTER_REDIS, prove } from './fault.js';

const family = 'server';

/** @type {import('./fault.js').Fault[]} */
export const server = [
  {
    name: 'redis-frozen',
    family,
    line: 'SIGSTOP to Redis, SIGCONT after 3 s',
    cuts: 'none',
    outage: AFTER_REDIS,
    async strike(stage) {
      stage.redis.freeze();
      const before = stage.probe.seen.relayed;
      await sleep(3_000);
      prove(stage.probe.seen.relayed - before < 1_000, 'a Redis that stands still');
      stage.redis.thaw();
      stage.healed();
      return { proof: 'no progress for 3 s' };
    },
  },
  restart('always'),
  restart('everysec'),
  {
    name: 'aof-tail-lost',
    family,
    line: 'SIGKILL to Redis, the last second of its AOF is cut off, started again',
    cuts: 'all',
    outage: AFTER_REDIS,
    async strike(stage) {
      const { redis, admin } = stage;
      const size = redis.aofSize();
      await sleep(1_000);
      await redis.kill();
      const lost = redis.aofSize() - size;
      prove(lost > 0, 'a tail to cut off');
      const before = stage.probe.seen.processed;
      redis.truncateAof(size);
      await back(stage);
      const after = Number(await admin.hget(COUNTERS, 'processed'));
      return { proof: `${lost} bytes cut off, processed was ${before}, then ${after}` };
    },
  },
  {
    name: 'redis-emptied',
    family,
    line: 'SIGKILL to Redis, its files are removed, started again with nothing',
    cuts: 'all',
    outage: AFTER_REDIS,
    async strike(stage) {
      await stage.redis.kill();
      stage.redis.forget();
      stage.emptied();
      await back(stage);
      return { proof: 'the AOF was removed' };
    },
  },
];

function restart(appendfsync) {
  return {
    name: `redis-killed-${appendfsync}`,
    family,
    line: `SIGKILL to Redis, started again from its AOF after 0.5 s (appendfsync ${appendfsync})`,
    cuts: 'all',
    outage: AFTER_REDIS,
    needs: { redis: { appendfsync } },
    async strike(stage) {
      const pid = stage.redis.pid;
      await stage.redis.kill();
      await sleep(500);
      await back(stage);
      prove(stage.redis.pid !== pid, 'another process');
      return { proof: `${pid} killed, ${stage.redis.pid} started` };
    },
  };
}

async function back(stage) {
  await stage.redis.launch();
  stage.healed();
}
