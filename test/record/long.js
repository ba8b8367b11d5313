import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Leash } from '../chaos/leash.js';
import { RedisServer } from '../chaos/redis-server.js';
import { until } from '../chaos/until.js';
import { check } from './check.js';
import { breakUntilDone } from './faults.js';
import { HELP, readOptions } from './options.js';
import { PaymentGroup } from './payment-group.js';
import { PostgresServer } from './postgres-server.js';

const say = (text) => process.stdout.write(`${text}\n`);
/** ms for what is left, after the last fault. */
const PATIENCE = 120_000;

process.exitCode = await main(process.argv.slice(2));

async function main(args) {
  let options;
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  if (options.help) {
    say(HELP);
    return 0;
  }
  say(`seed ${options.seed}`);
  const dir = mkdtempSync(join(tmpdir(), 'cgroup-payments-'));
  const leash = new Leash(dir);
  const postgres = await PostgresServer.start();
  const redis = await RedisServer.start({ dir, leash });
  const group = new PaymentGroup({ dir, leash, redis, postgres, options });
  try {
    return await run({ group, redis, postgres, options });
  } finally {
    await group.stop();
    await redis.stop();
    await postgres.remove();
    leash.release();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function run({ group, redis, postgres, options }) {
  await group.start();
  // Paused: all messages are in Redis before the first fault. What is published while a Redis restarts is another test.
  const cents = await group.publish();
  const began = performance.now();
  await group.resume();
  const happened = options.calm ? [] : await breakUntilDone({ group, redis, postgres, options, say });
  await until(() => group.isDone(), {
    what: 'all messages to be processed',
    timeout: PATIENCE + options.messages / 2,
  });
  const seconds = (performance.now() - began) / 1_000;
  say(
    `${Math.round(options.messages / seconds)} messages/s, ${seconds.toFixed(1)} s${options.calm ? '' : ' with the faults'}`,
  );
  const wrong = await check({ group, postgres, options, cents, say });
  for (const text of wrong) say(`WRONG: ${text}`);
  if (wrong.length > 0) return 1;
  const missing = options.calm ? [] : happened.filter(({ times }) => times === 0);
  for (const { name } of missing) say(`did not happen, all was processed before: ${name}`);
  return missing.length > 0 ? 2 : 0;
}
