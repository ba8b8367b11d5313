import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { GroupClient } from '../../src/observe/client.js';
import { type Keys, keysOf } from '../../src/redis/keys.js';
import type { Reading } from '../../src/redis/reading.js';
import { type CliOptions, type CliRun, cgroup } from './cli.js';
import { type Namespace, namespaceOn } from './redis.js';
import { flagsOf } from './running.js';
import { until } from './until.js';

/** An entry of the output. */
export interface Output {
  readonly messageId: string;
  readonly inboxId: string;
  readonly consumerId: string;
  readonly data: Record<string, unknown>;
  /** ms since 1970 when it was written, by Redis's clock. */
  readonly at: number;
}

/** A group with processes that the test starts and ends, and what a client sees of it. */
export interface TestGroup {
  readonly space: Namespace;
  readonly keys: Keys;
  readonly raw: Redis;
  /** The flags that make a command use this group. */
  readonly flags: readonly string[];
  /** Runs `cgroup start` with more flags; resolves when it is ready. */
  start(more?: readonly string[], options?: CliOptions): Promise<CliRun>;
  /** Publishes messages with these ids, or this number of messages; returns the ids. */
  publish(ids: number | readonly string[]): Promise<string[]>;
  read(): Promise<Reading>;
  gaps(): ReturnType<GroupClient['inspector']['gaps']>;
  listed(): Promise<string[]>;
  outputs(): Promise<Output[]>;
  /** Waits until `count` bridges are subscribed and in step: then any of them may end without a gap. */
  bridgesInStep(count: number): Promise<void>;
  /** Waits until `relayed` messages are relayed and all of them are settled. */
  settled(relayed: number, timeout?: number): Promise<Reading>;
}

let published = 0;

/**
 * A group on the Redis at `url`, by default with names of its own. Its clients are closed when the test has ended; the test
 * ends its processes.
 */
export async function groupOn(url: string, space: Namespace = namespaceOn(url)): Promise<TestGroup> {
  const { channel, output, consumerList } = space;
  const keys = keysOf(space);
  const raw = new Redis(url);
  onTestFinished(() => raw.disconnect());
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  const flags = flagsOf(space);
  const group: TestGroup = {
    space,
    keys,
    raw,
    flags,
    start: async (more = [], options = {}) => {
      const run = cgroup(['start', ...flags, ...more], options);
      await run.line(/"msg":"ready: /);
      return run;
    },
    publish: async (wanted) => {
      const ids =
        typeof wanted === 'number' ? Array.from({ length: wanted }, () => `m${++published}`) : [...wanted];
      const pipeline = raw.pipeline();
      for (const id of ids) pipeline.publish(channel, JSON.stringify({ message_id: id }));
      await pipeline.exec();
      return ids;
    },
    read: () => client.inspector.read(),
    gaps: () => client.inspector.gaps(),
    listed: () => raw.lrange(consumerList, 0, -1),
    outputs: async () =>
      (await raw.xrange(output, '-', '+')).map(([id, [, messageId, , consumerId, , inboxId, , data]]) => ({
        messageId: String(messageId),
        consumerId: String(consumerId),
        inboxId: String(inboxId),
        data: JSON.parse(String(data)) as Record<string, unknown>,
        at: Number(id.split('-')[0]),
      })),
    bridgesInStep: async (count) => {
      const { marks, bridge } = keys;
      const what = `${count} bridges to be subscribed`;
      await until(async () => ((await raw.pubsub('NUMSUB', marks)) as [string, number])[1] === count, {
        what,
      });
      const mark = Number(await raw.hget(bridge, 'mark'));
      // A bridge in step has seen a mark before the last relayed message. Without relayed messages, two marks are enough.
      const inStep = async () => {
        const [newest, epoch] = await raw.hmget(bridge, 'mark', 'epoch');
        return epoch === null ? Number(newest) >= mark + 2 : Number(epoch) > mark;
      };
      await until(inStep, { what: 'something to be relayed after the next mark' });
    },
    settled: (relayed, timeout = 15_000) =>
      until(
        async () => {
          const reading = await group.read();
          return reading.counters.relayed === relayed && reading.backlog === 0 ? reading : undefined;
        },
        { timeout, what: `${relayed} messages to be relayed and settled` },
      ),
  };
  return group;
}

/** The process id in a consumer's name. */
export function pidOf(consumerId: string): number {
  return Number(/-(\d+)-[0-9a-f]{6}-\d+$/.exec(consumerId)?.[1]);
}
