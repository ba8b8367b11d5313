import { setTimeout as sleep } from 'node:timers/promises';
import { CHANNEL } from '../keys.js';
import { has } from '../programs.js';
import { until } from '../until.js';
import { refused } from './data.js';
import { AFTER_REDIS, proveSoon, RELAYS_AGAIN } from './fault.js';
import { stopped } from './processes.js';

const family = 'limits';
const MEGABYTE = 1024 * 1024;
/** What a pipe holds, at least. */
const PIPE = 64 * 1024;

/** @type {import('./fault.js').Fault[]} */
export const limits = [
  {
    name: 'memory-full',
    family,
    line: 'maxmemory is reached for 3 s, then raised',
    cuts: 'none',
    outage: AFTER_REDIS,
    async strike(stage) {
      const { admin } = stage;
      const before = await refused(admin, 'OOM');
      await admin.config('SET', 'maxmemory', '1mb');
      await sleep(3_000);
      const count = await proveSoon(async () => (await refused(admin, 'OOM')) - before, 'a write refused');
      await admin.config('SET', 'maxmemory', '0');
      stage.healed();
      return { proof: `${count} writes refused` };
    },
  },
  {
    name: 'disk-full',
    family,
    line: 'no file of Redis may grow (prlimit --fsize) for 3 s, so its AOF cannot be written',
    cuts: 'none',
    outage: AFTER_REDIS,
    impossible: () => (has('prlimit') ? undefined : 'there is no prlimit on this machine'),
    async strike(stage) {
      const { admin, redis } = stage;
      redis.limitFiles(redis.aofSize());
      const status = () =>
        admin.info('persistence').then((info) => /aof_last_write_status:(\w+)/.exec(info)[1]);
      await proveSoon(async () => (await status()) === 'err', 'a write that fails');
      await sleep(3_000);
      const count = await proveSoon(() => refused(admin, 'MISCONF'), 'a write refused');
      redis.limitFiles(undefined);
      await proveSoon(async () => (await status()) === 'ok', 'a write that works again');
      stage.healed();
      return { proof: `aof_last_write_status was err, ${count} writes refused` };
    },
  },
  {
    name: 'output-buffer-overflow',
    family,
    line: 'SIGSTOP to a process while big messages are published, until Redis cuts its subscription; SIGCONT',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    needs: { rate: 2_000 },
    async strike(stage, random) {
      const { admin, group, publishing } = stage;
      await admin.config('SET', 'client-output-buffer-limit', `pubsub ${2 * MEGABYTE} 0 0`);
      const victim = random.pick(group.processes);
      const before = await subscribers(stage);
      let gone;
      await stopped(victim, async () => {
        publishing.send('big:131072', 400);
        gone = await proveSoon(() => goneFrom(stage, before), 'a subscription that Redis cuts', 15_000);
      });
      await admin.config('SET', 'client-output-buffer-limit', 'pubsub 512mb 256mb 60');
      return { proof: `Redis cut ${gone} subscription(s) while ${victim.pid} was stopped` };
    },
  },
  {
    name: 'oversized-publish',
    family,
    line: 'one PUBLISH larger than the output buffer limit: Redis cuts all subscribers at once',
    cuts: 'all',
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const { admin, publishing } = stage;
      const before = await subscribers(stage);
      await admin.config('SET', 'client-output-buffer-limit', `pubsub ${2 * MEGABYTE} 0 0`);
      publishing.send(`big:${3 * MEGABYTE}`, 1);
      await proveSoon(async () => (await goneFrom(stage, before)) === before.length, 'all subscribers cut');
      await admin.config('SET', 'client-output-buffer-limit', 'pubsub 512mb 256mb 60');
      return { proof: `all ${before.length} subscriptions on ${CHANNEL} cut` };
    },
  },
  {
    name: 'full-log',
    family,
    line: 'the log of the process that leads is not read for 2 s, while its processor logs megabytes; then SIGTERM to it',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike({ group, publishing }) {
      const leader = await group.leader();
      leader.leaveLog();
      publishing.send('chatty', 30);
      await sleep(2_000);
      const before = leader.logged;
      leader.doom = 'full-log';
      leader.signal('SIGTERM');
      await until(() => leader.end, { what: 'a process with a full log to end' });
      leader.readLog();
      const waited = await proveSoon(() => {
        const more = leader.logged - before;
        return more >= PIPE && more;
      }, 'a log that was full');
      if (leader.end.code !== 0)
        throw new Error(`${leader.pid} ended with ${leader.end.signal ?? leader.end.code}`);
      return { proof: `${leader.pid} ended by itself; ${waited} bytes of its log had waited` };
    },
  },
];

async function subscribers(stage) {
  return (await stage.clients('subscriber')).map(({ id }) => id);
}

async function goneFrom(stage, before) {
  const now = await subscribers(stage);
  return before.filter((id) => !now.includes(id)).length;
}
