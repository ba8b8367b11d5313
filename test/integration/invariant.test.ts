import fc from 'fast-check';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { Entry } from '../../src/core/consumer-store.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores, type Stores } from '../helpers/stores.js';

const redis = withRedis();
const MINUTE = 60_000;
const CONSUMERS = ['a', 'b', 'c'] as const;

const consumer = fc.constantFrom(...CONSUMERS);
const some = fc.integer({ min: 1, max: 4 });
/** Numbers of relayed entries. Consumers also settle entries that they lost or settled before. */
const which = fc.array(fc.nat(30), { minLength: 1, maxLength: 4 });

/** A call that processes may make on the stores, in any order, late or twice. */
const step = fc.oneof(
  fc.record({ kind: fc.constant('relay' as const), count: some }),
  fc.record({
    kind: fc.constantFrom('read' as const, 'due' as const, 'reclaim' as const),
    consumer,
    count: some,
  }),
  fc.record({ kind: fc.constantFrom('commit' as const, 'bury' as const, 'begin' as const), consumer, which }),
  fc.record({ kind: fc.constant('retry' as const), consumer, which, wait: fc.constantFrom(0, 1_000) }),
  fc.record({ kind: fc.constantFrom('leave' as const, 'renew' as const), consumer }),
  fc.record({ kind: fc.constantFrom('sweep' as const, 'destroy' as const, 'revive' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The expected state of the group, derived from the replies of the stores. */
class Model {
  readonly ids: string[] = [];
  readonly results = new Set<string>();
  readonly dead = new Set<string>();
  readonly #stores: Stores;

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  get unsettled(): string[] {
    return this.ids.filter((id) => !this.results.has(id) && !this.dead.has(id));
  }

  /** The entries of these numbers, in order, each once. */
  #chosen(numbers: number[]): string[] {
    const { ids } = this;
    return ids.filter((_, i) => numbers.some((n) => n % ids.length === i));
  }

  #given(entries: Entry[]): void {
    for (const { id, message } of entries) {
      expect(this.unsettled).toContain(id);
      expect(String(message)).toBe('x');
    }
  }

  async apply(step: Step): Promise<void> {
    const { consumerStore, relay, read, raw, keys, inspector } = this.#stores;
    switch (step.kind) {
      case 'relay':
        this.ids.push(...(await relay(...Array.from({ length: step.count }, () => 'x'))));
        return;
      case 'read':
        return this.#given(await read(step.consumer, step.count));
      case 'due':
        return this.#given((await consumerStore.due(step.consumer, step.count, MINUTE)).entries);
      case 'reclaim':
        return this.#given(
          (
            await consumerStore.reclaim({
              consumerId: step.consumer,
              silence: 0,
              count: step.count,
              everyone: true,
            })
          ).entries,
        );
      case 'begin': {
        const ids = this.#chosen(step.which);
        for (const inboxId of ids)
          if (await consumerStore.begin({ entryId: inboxId, consumerId: step.consumer }, 2))
            expect(this.unsettled).toContain(inboxId);
        return;
      }
      case 'renew': {
        if (this.ids.length === 0) return;
        const { gone } = await consumerStore.renew(step.consumer, this.ids);
        for (const id of this.ids) if (!this.unsettled.includes(id)) expect(gone).toContain(id);
        return;
      }
      case 'retry': {
        const retries = this.#chosen(step.which).map((entryId) => ({
          inboxId: entryId,
          entryId,
          consumerId: step.consumer,
          wait: step.wait,
        }));
        if (retries.length > 0) await consumerStore.retry(retries);
        return;
      }
      case 'commit':
        return this.settle(this.#chosen(step.which), step.consumer, 'commit');
      case 'bury':
        return this.settle(this.#chosen(step.which), step.consumer, 'bury');
      case 'leave':
        await consumerStore.leave(step.consumer, new Map(), []);
        return;
      case 'sweep':
        await consumerStore.sweep([], 0);
        return;
      case 'destroy':
        await raw.xgroup('DESTROY', keys.inbox, GROUP);
        await consumerStore.prepare();
        return;
      case 'revive': {
        const letters: string[] = [];
        for await (const { id } of inspector.deadLetters()) letters.push(id);
        await inspector.revive(letters);
        const entries = await raw.xrange(keys.inbox, '-', '+');
        this.ids.push(...entries.slice(entries.length - letters.length).map(([id]) => id));
        return;
      }
    }
  }

  async settle(ids: string[], consumerId: string, how: 'commit' | 'bury'): Promise<void> {
    if (ids.length === 0) return;
    const { consumerStore } = this.#stores;
    const unsettled = new Set(this.unsettled);
    const late =
      how === 'commit'
        ? await consumerStore.commit(
            ids.map((inboxId) => ({ entryId: inboxId, inboxId, consumerId, messageId: 'm', data: '{}' })),
            0,
          )
        : (
            await consumerStore.bury(
              ids.map((inboxId) => ({
                entryId: inboxId,
                inboxId,
                consumerId,
                message: Buffer.from('x'),
                reason: 'failed',
                error: '',
                attempts: 1,
                failed: true,
              })),
              0,
            )
          ).late;
    expect(late).toEqual(ids.filter((id) => !unsettled.has(id)));
    for (const id of ids) if (unsettled.has(id)) (how === 'commit' ? this.results : this.dead).add(id);
  }

  async check(): Promise<void> {
    const { inspector, raw, keys } = this.#stores;
    const { counters, backlog, waiting, pending, retrying } = await inspector.read();
    expect(counters.relayed).toBe(counters.processed + counters.dead + backlog);
    expect(counters.lost).toBe(0);
    expect(waiting + pending + retrying).toBe(backlog);
    expect((await raw.xrange(keys.inbox, '-', '+')).map(([id]) => id)).toEqual(this.unsettled);
  }

  /** After any steps, one remaining consumer gets all entries, and each message has one result. */
  async drain(): Promise<void> {
    const { consumerStore, read, fields, keys } = this.#stores;
    const got = [
      ...(await read('last')),
      ...(await consumerStore.reclaim({ consumerId: 'last', silence: 0, count: 1_000, everyone: true }))
        .entries,
      ...(await consumerStore.due('last', 1_000, MINUTE)).entries,
      ...(await consumerStore.due('last', 1_000, -MINUTE)).entries, // all, whatever their due time
    ];
    const ids = [...new Set(got.map(({ id }) => id))];
    expect(ids.sort()).toEqual([...this.unsettled].sort());
    await this.settle(this.unsettled, 'last', 'commit');
    await this.check();
    expect(this.unsettled).toEqual([]);
    const outputs = (await fields(keys.output)).map(({ inbox_id }) => inbox_id);
    expect(outputs.sort()).toEqual([...this.results].sort());
  }
}

test('relayed = processed + dead + backlog after any steps, and one consumer can drain the backlog', async () => {
  const stores = await openStores(redis.namespace());
  const admin = new Redis(redis.url);
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40, size: 'max' }), async (steps) => {
        await admin.flushall();
        await stores.consumerStore.prepare();
        stores.startOver();
        const model = new Model(stores);
        for (const each of steps) {
          await model.apply(each);
          await model.check();
        }
        await model.drain();
      }),
      { numRuns: 120, interruptAfterTimeLimit: 40_000 },
    );
  } finally {
    admin.disconnect();
  }
}, 60_000);
