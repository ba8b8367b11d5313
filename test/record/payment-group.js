import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { GroupClient } from '../../dist/index.js';
import { Program } from '../chaos/program.js';
import { Random } from '../chaos/random.js';
import { until } from '../chaos/until.js';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
const EXAMPLE = new URL('../../examples/balances/', import.meta.url);
const ACCOUNTS = 100;
/** Messages of one pipeline. */
const AT_ONCE = 1_000;

/** The processes of a group that records payments in PostgreSQL, and its publisher. */
export class PaymentGroup {
  /** @type {Program[]} */
  programs = [];
  url;
  #options;
  #postgres;
  #leash;
  #dir;
  #started = 0;

  constructor({ dir, leash, redis, postgres, options }) {
    this.url = `redis://127.0.0.1:${redis.port}`;
    this.#postgres = postgres;
    this.#leash = leash;
    this.#dir = dir;
    this.#options = options;
  }

  async start() {
    const client = new Client(this.#postgres.url);
    await client.connect();
    await client.query(readFileSync(new URL('accounts.sql', EXAMPLE), 'utf8'));
    await client.end();
    for (let i = 0; i < this.#options.processes; i++) await this.add();
    await this.#ask((group) => group.pause());
    await until(() => this.#ask(async (group) => (await group.status()).control.paused), {
      what: 'the pause',
    });
  }

  /** Starts one more process, and returns when it is ready. */
  async add() {
    const { size, concurrency } = this.#options;
    const flags = {
      ...{
        redis: this.url,
        record: this.#postgres.url,
        size,
        concurrency,
        'simulate-ms': this.#options['simulate-ms'],
      },
      ...{ heartbeat: '250ms', 'claim-after': '1s', 'log-format': 'json' },
      ...(!this.#options['no-sql'] && { 'record-sql': fileURLToPath(new URL('balances.sql', EXAMPLE)) }),
    };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const log = join(this.#dir, `process-${++this.#started}.log`);
    const program = new Program([process.execPath, BIN, 'start', ...args], {
      log,
      leash: this.#leash,
      ready: '"ready:',
    });
    this.programs.push(program);
    if (!(await program.ready)) throw new Error(`a process does not start: ${log}`);
  }

  /** Publishes all payments. Returns the sum of their amounts in cents. */
  async publish() {
    const { messages, seed } = this.#options;
    const random = new Random(seed, 'amounts');
    const redis = new Redis(this.url);
    let sum = 0;
    for (let n = 0; n < messages; ) {
      const pipeline = redis.pipeline();
      for (let i = 0; i < AT_ONCE && n < messages; i++) {
        const cents = random.between(1, 99_999);
        sum += cents;
        const payment = {
          message_id: `p${++n}`,
          account: `account ${random.between(1, ACCOUNTS)}`,
          amount: cents / 100,
        };
        pipeline.publish('messages:published', JSON.stringify(payment));
      }
      await pipeline.exec();
    }
    redis.disconnect();
    await until(async () => (await this.status()).counters.relayed === messages, {
      what: 'all messages to be relayed',
      timeout: 60_000,
    });
    return sum;
  }

  resume() {
    return this.#ask((group) => group.resume());
  }

  status() {
    return this.#ask((group) => group.status());
  }

  async isDone() {
    const { counters, backlog } = await this.status();
    return backlog === 0 && counters.processed + counters.dead === this.#options.messages;
  }

  async stop() {
    await Promise.all(this.programs.map((program) => !program.end && program.kill('the end')));
  }

  async #ask(question) {
    const group = await GroupClient.connect({ redis: this.url });
    try {
      return await question(group);
    } finally {
      await group.close();
    }
  }
}
