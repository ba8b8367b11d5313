import { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { GroupClient } from '../../src/observe/client.js';
import type { RedisNode } from '../servers/redis-node.js';
import { cgroup } from './cli.js';
import { until } from './until.js';

/** ms between two messages. */
const EVERY = 2;
/** Messages between two looks at who the master is. */
const SOME = 20;
/** ms by which a gap may begin too late or end too early, as this process sees it: a message takes its time. */
const NEAR = 100;

/** A running group of two processes on servers that change, and a publisher that goes to the master. */
export interface Stage {
  /** Waits until messages that are published from now on are processed. */
  works(): Promise<void>;
  /**
   * Ends publisher and group, and looks at what came of all messages: none may have two results, and one without a result must
   * have been published in a gap that was recorded. A gap is recorded once for each move of the bridges, by the leader, and at most once by
   * each bridge that received something at the old server after that. Bridges may not notice a slot that is back at once.
   *
   * @param moves how many times the bridges had to go to another server; at least once
   * @returns how many messages were published, and how many of them are lost
   */
  end(moves: number): Promise<{ readonly published: number; readonly lost: number }>;
}

export interface StageOptions {
  /** The URL for `cgroup`. */
  readonly url: string;
  /** The master of the output. */
  readonly master: () => Promise<RedisNode>;
  /** Of a sharded channel: the master of the channel. */
  readonly sharded?: () => Promise<RedisNode>;
  /** More flags of `cgroup start` and of the others. */
  readonly flags?: readonly string[];
}

/** Starts all of it; everything is stopped when the test has ended. */
export async function onStage({ url, master, sharded, flags = [] }: StageOptions): Promise<Stage> {
  const client = await GroupClient.connect({ redis: url, ...settingsIn(flags) });
  onTestFinished(() => client.close());
  const groups = [0, 1].map(() =>
    cgroup(['start', '--size', '2', '--redis', url, ...flags, ...(sharded ? ['--sharded'] : [])]),
  );
  for (const group of groups) await group.line(/ready: /);
  const publisher = new NumberPublisher(sharded ?? master, sharded ? 'SPUBLISH' : 'PUBLISH');
  onTestFinished(() => publisher.stop());
  publisher.start();
  await until(() => publisher.sent.size > 100, { what: 'the first messages' });
  return {
    works: async () => {
      const first = publisher.next;
      await until(
        async () => {
          const last = await newest(await master(), client.settings.output);
          return last.some((id) => id >= first);
        },
        { timeout: 30_000, every: 100, what: 'a result of a new message' },
      );
    },
    end: async (moves) => {
      await publisher.stop();
      await until(async () => (await client.status()).backlog === 0, { timeout: 30_000, what: 'no backlog' });
      const counts = new Map<number, number>();
      for (const id of await idsIn(await master(), client.settings.output))
        counts.set(id, (counts.get(id) ?? 0) + 1);
      expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
      const missing = [...publisher.sent].filter(([id]) => !counts.has(id));
      // The next leader tells it, a moment later.
      await until(
        async () => {
          const { gaps } = await client.status();
          return missing.every(([, at]) => gaps.some((gap) => isWithin(gap, at)));
        },
        { what: 'gaps in which all lost messages were published' },
      );
      const { gaps } = (await client.status()).counters;
      expect(gaps).toBeGreaterThanOrEqual(1);
      expect(gaps).toBeLessThanOrEqual(moves * (1 + groups.length));
      for (const group of groups) expect(await group.kill()).toEqual({ code: 0, signal: null });
      return { published: publisher.sent.size, lost: missing.length };
    },
  };
}

/** Publishes numbered messages one after the other, and remembers when Redis took each. */
class NumberPublisher {
  /** Number of the message -> ms since 1970. */
  readonly sent = new Map<number, number>();
  next = 1;
  readonly #master: () => Promise<RedisNode>;
  readonly #command: string;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(master: () => Promise<RedisNode>, command: string) {
    this.#master = master;
    this.#command = command;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      let redis: Redis | undefined;
      try {
        const node = await this.#master();
        redis = new Redis(node.url, {
          retryStrategy: () => null,
          commandTimeout: 1_000,
          maxRetriesPerRequest: 0,
        });
        redis.on('error', () => {});
        while (!this.#stopping.signal.aborted && (await this.#publishSome(redis, node)));
      } catch {
        // It may have been taken: it counts neither as published nor as lost. Or the master that was named has just ended.
      } finally {
        redis?.disconnect();
      }
    }
  }

  /** Messages count if their server is still the master after them: what an old one takes is lost. Resolves to whether it is. */
  async #publishSome(redis: Redis, node: RedisNode): Promise<boolean> {
    const sent: [id: number, at: number][] = [];
    for (let i = 0; i < SOME; i++) {
      const id = this.next++;
      await redis.call(this.#command, 'messages:published', JSON.stringify({ message_id: id }));
      sent.push([id, Date.now()]);
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
    if ((await this.#master()) !== node) return false;
    for (const [id, at] of sent) this.sent.set(id, at);
    return true;
  }
}

function isWithin({ from, to }: { readonly from: string; readonly to: string }, at: number): boolean {
  return at >= Date.parse(from) - NEAR && at <= Date.parse(to) + NEAR;
}

async function idsIn(node: RedisNode, output: string): Promise<number[]> {
  return read(node, ['XRANGE', output, '-', '+']);
}

async function newest(node: RedisNode, output: string): Promise<number[]> {
  return read(node, ['XREVRANGE', output, '+', '-', 'COUNT', '20']);
}

async function read(node: RedisNode, [command, ...args]: [string, ...string[]]): Promise<number[]> {
  const entries = (await node.call(command, ...args)) as [string, string[]][];
  return entries.map(([, fields]) => Number(fields[1 + fields.indexOf('message_id')]));
}

/** Flags such as `--consumer-list ids` as settings. */
function settingsIn(flags: readonly string[]): Record<string, string> {
  const settings: Record<string, string> = {};
  for (let i = 0; i < flags.length; i += 2) {
    const name = String(flags[i])
      .replace(/^--/, '')
      .replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    settings[name] = String(flags[i + 1]);
  }
  return settings;
}
