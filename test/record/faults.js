import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Random } from '../chaos/random.js';
import { until } from '../chaos/until.js';

/** ms for which a process or PostgreSQL is away: longer than it takes until others take over. */
const AWAY = 2_500;

/** ms that a Redis may take until it has read its file: it holds all messages. */
const LOADED_WITHIN = 120_000;

/** What can happen to those that work together. Each ends with all of them at work again. */
const FAULTS = [
  {
    name: 'a process is killed, and another one starts',
    async happen({ group, random }) {
      const victim = random.pick(group.programs);
      await victim.kill('killed');
      group.programs = group.programs.filter((program) => program !== victim);
      await group.add();
    },
  },
  {
    name: 'a process is stopped until others have taken over, and goes on',
    async happen({ group, random }) {
      const victim = random.pick(group.programs);
      victim.signal('SIGSTOP');
      await sleep(AWAY);
      victim.signal('SIGCONT');
    },
  },
  { name: 'PostgreSQL crashes', happen: ({ postgres }) => postgres.restart('immediate') },
  {
    name: 'PostgreSQL is away',
    async happen({ postgres }) {
      await postgres.stop('fast');
      await sleep(AWAY);
      await postgres.start();
    },
  },
  {
    name: 'Redis is killed, and starts again',
    async happen({ group, redis }) {
      await shortenFile(group.url);
      await redis.kill();
      await redis.launch(LOADED_WITHIN);
    },
  },
  {
    name: 'a process is killed while PostgreSQL crashes',
    async happen({ group, postgres, random }) {
      const victim = random.pick(group.programs);
      await Promise.all([victim.kill('killed'), postgres.restart('immediate')]);
      group.programs = group.programs.filter((program) => program !== victim);
      await group.add();
    },
  },
];

/** Has Redis write its file anew: else it holds all changes since the beginning, and a restart takes minutes. */
async function shortenFile(url) {
  const redis = new Redis(url);
  await redis.bgrewriteaof();
  const isDone = async () => (await redis.info('persistence')).includes('aof_rewrite_in_progress:0');
  await until(isDone, { what: 'the new file of Redis', timeout: LOADED_WITHIN });
  redis.disconnect();
}

/** Messages for which all faults happen once. */
const ROUND = 50_000;

/**
 * Lets faults happen, all in turn, spread over the messages; until all have been, or all messages are processed.
 *
 * @returns {Promise<{ name: string, times: number }[]>} how often each happened
 */
export async function breakUntilDone({ group, redis, postgres, options, say }) {
  const random = new Random(options.seed, 'faults');
  const happened = FAULTS.map((fault) => ({ ...fault, times: 0 }));
  const rounds = Math.max(1, Math.round(options.messages / ROUND));
  const inTurn = Array.from({ length: rounds }, () => random.shuffle(happened)).flat();
  for (const [i, fault] of inTurn.entries()) {
    const due = ((i + 0.5) * options.messages) / inTurn.length;
    const { counters } = await until(
      async () => {
        const status = await group.status();
        return (status.counters.processed >= due || status.backlog === 0) && status;
      },
      { what: `${due} messages to be processed`, timeout: 300_000, every: 50 },
    );
    if (counters.processed === options.messages) break;
    await fault.happen({ group, redis, postgres, random });
    fault.times++;
    say(`${counters.processed} processed: ${fault.name}`);
  }
  return happened;
}
