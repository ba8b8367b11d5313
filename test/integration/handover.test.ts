import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RedisRegistry } from '../../src/redis/registry.js';
import { isFair, sumOf } from '../helpers/fair.js';
import { withRedis } from '../helpers/redis.js';
import { openStores, type Stores } from '../helpers/stores.js';

const redis = withRedis();
const LONG = 60_000;
const OPERATOR = { who: 'test', why: '' };

type Event =
  | { readonly kind: 'join'; readonly host: number; readonly capacity: number }
  | { readonly kind: 'size'; readonly size: number }
  | {
      readonly kind: 'kill' | 'leave' | 'forgotten' | 'drain' | 'undrain' | 'drain-host';
      readonly which: number;
    }
  | { readonly kind: 'beat'; readonly which: number; readonly quick: boolean };

interface Model {
  readonly id: string;
  readonly host: string;
  readonly capacity: number;
  readonly registry: RedisRegistry;
  running: number;
  share: number;
  /** Killed: Redis does not know it yet. */
  killed: boolean;
}

/** Processes that follow their shares, the slow ones in part, and what must hold while they beat in any order. */
class World {
  readonly #stores: Stores;
  #size = 0;
  readonly #drained = new Set<string>();
  #processes: Model[] = [];
  #joined = 0;

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /** What is to run, as far as Redis can know. */
  get #wanted(): number {
    return Math.min(this.#size, sumOf(this.#taking.map(({ capacity }) => capacity)));
  }

  get #taking(): Model[] {
    return this.#processes.filter(({ id, host }) => !this.#drained.has(id) && !this.#drained.has(host));
  }

  get #running(): number {
    return sumOf(this.#processes.map(({ running }) => running));
  }

  async happens(event: Event): Promise<void> {
    const { control, raw, keys } = this.#stores;
    if (event.kind === 'size') {
      this.#size = event.size;
      await control.change({ size: event.size }, OPERATOR);
      return;
    }
    if (event.kind === 'join') {
      const [id, host] = [`p${this.#joined++}`, `h${event.host}`];
      const registry = this.#stores.registryOf(id, host);
      const { capacity } = event;
      this.#processes.push({ id, host, capacity, registry, running: 0, share: 0, killed: false });
      await this.beat(this.#processes.at(-1) as Model);
      return;
    }
    const living = this.#processes.filter(({ killed }) => !killed);
    const one = living[event.which % living.length];
    if (!one) return;
    if (event.kind === 'beat') {
      if (event.quick) one.running = one.share;
      await this.beat(one);
    } else if (event.kind === 'kill') one.killed = true;
    else if (event.kind === 'leave') {
      this.#processes = this.#processes.filter((other) => other !== one);
      this.#drained.delete(one.id);
      await one.registry.beat(undefined, [], [], LONG);
    } else if (event.kind === 'forgotten') {
      // As after SIGSTOP, or while Redis was away.
      await raw.hdel(keys.processes, one.id);
      await this.beat(one);
    } else {
      const name = event.kind === 'drain-host' ? one.host : one.id;
      if (event.kind === 'undrain') this.#drained.delete(name);
      else this.#drained.add(name);
      const { drained } = await control.change({ drained: [...this.#drained] }, OPERATOR);
      expect(drained).toEqual([...this.#drained].sort());
    }
  }

  /** A beat of a process that has begun as much of its share as it has: it ends at once what it must not run. */
  async beat(one: Model): Promise<void> {
    const before = this.#running;
    const report = { id: one.id, host: one.host, pid: 1, managed: true, capacity: one.capacity };
    const { share } = await one.registry.beat(
      { ...report, consumers: one.running, settled: 0, busyMs: 0 },
      [],
      [],
      LONG,
    );
    one.share = Number(share);
    expect(one.share).toBeLessThanOrEqual(one.capacity);
    one.running = Math.min(one.running, one.share);
    // A dip that was there (a process died, the size rose) is not made deeper.
    expect(this.#running).toBeGreaterThanOrEqual(Math.min(before, this.#wanted));
  }

  /** Redis finds the killed dead. */
  async buryKilled(): Promise<void> {
    const { raw, keys } = this.#stores;
    const killed = this.#processes.filter((one) => one.killed);
    for (const { id } of killed) {
      const text = await raw.hget(keys.processes, id);
      if (text) await raw.hset(keys.processes, id, text.replace(/\d+/, '1'));
    }
    this.#processes = this.#processes.filter((one) => !one.killed);
    for (const { id } of killed) this.#drained.delete(id);
  }

  /** Every process beats twice, in any order, and once more as soon as it has begun more consumers. */
  async twoRounds(order: () => number): Promise<void> {
    for (let round = 0; round < 2; round++) {
      const places = new Map(this.#processes.map(({ id }) => [id, order()]));
      const inOrder = [...this.#processes].sort(
        (a, b) => Number(places.get(a.id)) - Number(places.get(b.id)),
      );
      for (const one of inOrder) {
        await this.beat(one);
        if (one.share === one.running) continue;
        one.running = one.share;
        await this.beat(one);
      }
    }
  }

  isSettled(): void {
    const taking = this.#taking;
    expect(this.#running).toBe(this.#wanted);
    expect(sumOf(taking.map(({ running }) => running))).toBe(this.#wanted);
    const targets = taking.map(({ share }) => share);
    expect(isFair(taking, targets), JSON.stringify(taking)).toBe(true);
  }
}

const which = fc.nat(50);
const event: fc.Arbitrary<Event> = fc.oneof(
  {
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      host: fc.nat(3),
      capacity: fc.integer({ min: 1, max: 20 }),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('size' as const), size: fc.nat(60) }), weight: 2 },
  {
    arbitrary: fc.record({
      kind: fc.constantFrom(...(['kill', 'leave', 'forgotten', 'drain', 'undrain', 'drain-host'] as const)),
      which,
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ kind: fc.constant('beat' as const), which, quick: fc.boolean() }), weight: 12 },
);

describe('shares that change while processes beat in any order', () => {
  test('never leave less running than wanted, and are right after two rounds', async () => {
    const stores = await openStores(redis.namespace());
    const events = fc.array(event, { minLength: 10, maxLength: 60, size: 'max' });
    await fc.assert(
      fc.asyncProperty(events, fc.infiniteStream(fc.nat()), async (story, order) => {
        await stores.raw.del(...Object.values(stores.keys));
        const world = new World(stores);
        const next = () => order.next().value as number;
        await world.happens({ kind: 'size', size: 20 });
        for (const host of [0, 1, 2]) await world.happens({ kind: 'join', host, capacity: 20 });
        await world.twoRounds(next);
        for (const one of story) await world.happens(one);
        await world.buryKilled();
        await world.twoRounds(next);
        world.isSettled();
      }),
      { numRuns: 150 },
    );
  });
});
