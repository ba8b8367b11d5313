import type { Redis } from 'ioredis';
import { keysOf } from '../../src/redis/keys.js';
import { type CliOptions, type CliRun, cgroup } from './cli.js';
import type { Namespace } from './redis.js';

/** The flags that make a command use a namespace. */
export function flagsOf({ redis, channel, output, consumerList }: Namespace): string[] {
  return ['--redis', redis, '--channel', channel, '--output', output, '--consumer-list', consumerList];
}

/** Runs `cgroup start`; resolves when it is ready. It relays all messages published after that. */
export async function startGroup(space: Namespace, args: string[] = [], options?: CliOptions) {
  const group = cgroup(['start', ...flagsOf(space), ...args], options);
  await group.line(/ready: /);
  return group;
}

/** A line of a group's log: JSON, because stderr is not a terminal. */
export interface LogLine {
  readonly level: number;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The log lines at a level or above; 40 is `warn`. */
export function logOf(group: CliRun, level = 0): LogLine[] {
  const lines = group.stderr().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LogLine).filter((line) => line.level >= level);
}

/** All entries of a stream, oldest first, with values as bytes. */
export async function entriesOf(redis: Redis, stream: string): Promise<Record<string, Buffer>[]> {
  const entries = await redis.xrangeBuffer(stream, '-', '+');
  return entries.map(([, flat]) => {
    const fields: Record<string, Buffer> = {};
    for (let i = 0; i < flat.length; i += 2) fields[String(flat[i])] = flat[i + 1] as Buffer;
    return fields;
  });
}

/** A group's counters; 0 for those that Redis does not have yet. */
export async function countersOf(redis: Redis, space: Namespace) {
  const counters = await redis.hgetall(keysOf(space).counters);
  const count = (name: string) => Number(counters[name] ?? 0);
  return {
    relayed: count('relayed'),
    processed: count('processed'),
    dead: count('dead'),
    failed: count('failed'),
    retried: count('retried'),
  };
}

/** Whether `count` messages are relayed and all of them are settled. */
export async function settled(redis: Redis, space: Namespace, count: number): Promise<boolean> {
  const { relayed, processed, dead } = await countersOf(redis, space);
  const { inbox, packs } = keysOf(space);
  const left = (await redis.xlen(inbox)) + (await redis.xlen(packs));
  return relayed === count && processed + dead === count && left === 0;
}
