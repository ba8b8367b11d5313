import { performance } from 'node:perf_hooks';
import type { OnPush } from '../core/subscriber.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';

// What the doctor measures of a Redis.

/** ms to listen to the channel. */
const LISTEN = 1_000;
const PINGS = 100;

/** Redis's clock against this machine's, at two moments. */
export async function startClock(connection: Connection) {
  const look = async () => {
    const started = performance.now();
    const time = await ifAllowed(() => connection.call('TIME'));
    const ended = performance.now();
    if (!time) return undefined;
    const [seconds, micros] = time as [string, string];
    const half = (ended - started) / 2;
    const redis = Number(seconds) * 1_000 + Number(micros) / 1_000;
    return { redis, own: Date.now() - half, monotonic: ended - half };
  };
  const first = await look();
  return {
    read: async () => {
      const last = await look();
      if (!first || !last) return undefined;
      const moved = last.redis - first.redis;
      return { ahead: last.redis - last.own, stepped: moved - (last.monotonic - first.monotonic) };
    },
  };
}

/** Listens to the channel from now on; `end` waits until a second is over, and returns bytes a second. */
export async function listenFor(listener: Connection, channel: string, isSharded: boolean) {
  let bytes = 0;
  const count: OnPush = (_bytes, start, end) => {
    bytes += end - start;
  };
  const started = performance.now();
  const subscribed = await ifAllowed(async () => {
    await listener.subscribe(new Map([[channel, count]]), isSharded);
    return true;
  });
  if (!subscribed) return undefined;
  return {
    end: async () => {
      await new Promise((done) => setTimeout(done, Math.max(0, LISTEN - (performance.now() - started))));
      return (bytes / (performance.now() - started)) * 1_000;
    },
  };
}

/** How long PING takes, ms; undefined if the user may not send it. */
export async function pingTimes(connection: Connection) {
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const started = performance.now();
    if ((await ifAllowed(() => connection.call('PING'))) === undefined) return undefined;
    times.push(performance.now() - started);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0;
  return { median: at(0.5), p99: at(0.99) };
}
