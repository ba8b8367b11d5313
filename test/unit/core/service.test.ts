import { getEventListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeats } from '../../../src/consumer/heartbeats.js';
import { Reclaimer } from '../../../src/consumer/reclaimer.js';
import { Renewal } from '../../../src/consumer/renewal.js';
import type { Registry } from '../../../src/core/registry.js';
import { Loop, pause, type Service } from '../../../src/core/service.js';
import { silentLogger } from '../../../src/log/logger.js';
import { fakeStore } from '../../helpers/fake-store.js';
import { itKeepsTheServiceContract, type ServiceUnderTest } from '../../helpers/service-contract.js';

// Pauses take no time here, but work does: turns of the real event loop.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a pause', () => {
  it('is as long as asked for', async () => {
    const over = vi.fn();
    void pause(250).then(over);
    await vi.advanceTimersByTimeAsync(249);
    expect(over).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(over).toHaveBeenCalled();
  });

  it('ends with the signal, and leaves neither timer nor listener behind', async () => {
    const controller = new AbortController();
    const paused = pause(3_600_000, controller.signal);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    controller.abort();
    await paused;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that ends by itself leaves no listener behind: a signal may live for months', async () => {
    const { signal } = new AbortController();
    const paused = pause(10, signal);
    await vi.advanceTimersByTimeAsync(10);
    await paused;
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('is none if the signal is aborted already', async () => {
    await pause(3_600_000, AbortSignal.abort());
    expect(vi.getTimerCount()).toBe(0);
  });
});

const unexpected = (what: unknown) => expect.unreachable(`not expected: ${what}`);

/** Work that takes some turns of the event loop, and is counted when it begins. */
class Work {
  #begun = 0;
  readonly #underWay = new Set<number>();

  async do(): Promise<void> {
    const number = ++this.#begun;
    this.#underWay.add(number);
    for (let turns = 0; turns < 5; turns++) await turn();
    this.#underWay.delete(number);
  }

  /** A service that does this work. */
  of(service: Service): ServiceUnderTest {
    const busy = () => this.#underWay.size > 0;
    return {
      service,
      busy,
      done: () => this.#begun,
      letRun: async () => {
        for (let seconds = 0; seconds < 20; seconds++) {
          await vi.advanceTimersByTimeAsync(1_000);
          for (let turns = 0; turns < 10; turns++) await turn();
        }
      },
      letBegin: async () => {
        for (let turns = 0; turns < 1_000 && !busy(); turns++) {
          await vi.advanceTimersByTimeAsync(10);
          if (!busy()) await turn();
        }
        const number = this.#begun;
        return () => !this.#underWay.has(number);
      },
    };
  }
}

describe('a loop', () => {
  itKeepsTheServiceContract(() => {
    const work = new Work();
    return work.of(new Loop(100, () => work.do(), unexpected));
  });

  it('pauses after each call, however long the call took', async () => {
    const starts: number[] = [];
    const begun = Date.now();
    const loop = new Loop(
      100,
      async () => {
        starts.push(Date.now() - begun);
        await pause(30);
      },
      unexpected,
    );
    void loop.start();
    await vi.advanceTimersByTimeAsync(400);
    const stopped = loop.stop();
    await vi.advanceTimersByTimeAsync(30);
    await stopped;
    expect(starts).toEqual([0, 130, 260, 390]);
  });

  it('works at once, and not twice at a time if it is started twice', async () => {
    const work = vi.fn(() => pause(1_000));
    const loop = new Loop(100, work, unexpected);
    await loop.start();
    await loop.start();
    expect(work).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_099);
    expect(work).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(work).toHaveBeenCalledTimes(2);
    const stopped = loop.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    await stopped;
  });

  it('reports an error, thrown or rejected, and goes on', async () => {
    const errors: unknown[] = [];
    let calls = 0;
    const loop = new Loop(
      100,
      () => {
        calls++;
        if (calls === 1) throw new Error('thrown');
        if (calls === 2) return Promise.reject(new Error('rejected'));
        return Promise.resolve();
      },
      (error) => errors.push(error),
    );
    await loop.start();
    await vi.advanceTimersByTimeAsync(250);
    await loop.stop();
    expect(errors).toEqual([new Error('thrown'), new Error('rejected')]);
    expect(calls).toBe(3);
  });

  it('does not wait for the end of its pause if it is stopped', async () => {
    const loop = new Loop(3_600_000, () => Promise.resolve(), unexpected);
    await loop.start();
    await vi.advanceTimersByTimeAsync(1_000);
    await loop.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a loop in a hurry', () => {
  it('begins the next call at once, or right after the one under way, and once only', async () => {
    const starts: number[] = [];
    const begun = Date.now();
    const loop = new Loop(
      1_000,
      async () => {
        starts.push(Date.now() - begun);
        await pause(100);
      },
      unexpected,
    );
    loop.hurry();
    await loop.start();
    await vi.advanceTimersByTimeAsync(50);
    loop.hurry();
    loop.hurry();
    await vi.advanceTimersByTimeAsync(200);
    loop.hurry();
    await vi.advanceTimersByTimeAsync(100);
    const stopped = loop.stop();
    await vi.advanceTimersByTimeAsync(100);
    await stopped;
    expect(starts).toEqual([0, 100, 250]);
  });
});

describe('the reclaimer', () => {
  itKeepsTheServiceContract(() => {
    const work = new Work();
    const store = fakeStore({
      due: () => work.do().then(() => ({ entries: [], more: false, foreign: 0 })),
      reclaim: () => work.do().then(() => ({ entries: [], next: undefined, lost: 0 })),
      rescue: () => work.do().then(() => ({ messages: 0, more: false, lost: 0 })),
    });
    return work.of(
      new Reclaimer({
        store,
        consumers: () => [{ id: 'c', room: 5, idle: true, takeOver: (call) => call() }],
        claimAfter: 3_000,
        log: silentLogger,
        onLost: unexpected,
      }),
    );
  });
});

describe('the heartbeats', () => {
  itKeepsTheServiceContract(() => {
    const work = new Work();
    const registry: Registry = {
      beat: () =>
        work.do().then(() => {
          const control = {
            revision: 0,
            size: undefined,
            paused: false,
            autoscale: undefined,
            drained: [],
          };
          const orders = { packSize: 1, older: false, share: undefined, control, healed: [] };
          return { live: [], dead: [], silent: [], ...orders };
        }),
      noteEnded: async () => [],
    };
    return work.of(
      new Heartbeats({
        registry,
        consumers: () => [{ id: 'c' }],
        heartbeat: 1_000,
        log: silentLogger,
        report: () => undefined,
        onOrders: () => {},
      }),
    );
  });
});

describe('the renewal', () => {
  itKeepsTheServiceContract(() => {
    const work = new Work();
    const store = fakeStore({
      renew: () => work.do().then(() => ({ gone: [], deleted: 0 })),
      renewPacks: () => work.do().then(() => ({ gone: [], deleted: 0 })),
      sweep: () => work.do().then(() => []),
    });
    const held = () => ({ entries: ['1-1'], packs: ['1-1000002'] });
    return work.of(
      new Renewal({
        store,
        consumers: () => [{ id: 'c', heldLongerThan: held, lose: () => {} }],
        live: () => ['c'],
        heartbeat: 1_000,
        claimAfter: 3_000,
        log: silentLogger,
        onLost: unexpected,
      }),
    );
  });
});
