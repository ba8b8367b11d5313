import { afterEach, describe, expect, it, vi } from 'vitest';
import { Reclaimer } from '../../../src/consumer/reclaimer.js';
import { Renewal } from '../../../src/consumer/renewal.js';
import type { ConsumerStore, Rescued } from '../../../src/core/consumer-store.js';
import { CgroupError } from '../../../src/core/errors.js';
import { type Logger, silentLogger } from '../../../src/log/logger.js';
import { fakeStore } from '../../helpers/fake-store.js';

const NONE: Rescued = { messages: 0, more: false, lost: 0 };

/** A reclaimer without consumers, and what Redis answers to each call for packs. */
function setUp(answers: readonly Rescued[], last: Rescued | CgroupError = NONE) {
  const silences: number[] = [];
  const lines: unknown[] = [];
  const warnings: unknown[] = [];
  let [lost, searches] = [0, 0];
  const reclaimer = new Reclaimer({
    store: fakeStore({
      rescue: async (silence) => {
        const answer = answers[silences.push(silence) - 1] ?? last;
        if (answer instanceof CgroupError) throw answer;
        return answer;
      },
      strays: async () => {
        searches++;
        return { found: 0, next: undefined };
      },
    }),
    consumers: () => [],
    claimAfter: 3_000,
    log: {
      ...silentLogger,
      info: (fields: object, text: string) => lines.push([fields, text]),
      warn: (_fields: object, text: string) => warnings.push(text),
    } as Logger,
    onLost: (count) => {
      lost += count;
    },
  });
  return { reclaimer, silences, lines, warnings, lost: () => lost, searches: () => searches };
}

describe('the packs of silent consumers', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('go back until there are no more, with one line, even if no consumer has room', async () => {
    const { reclaimer, silences, lines, lost } = setUp([
      { messages: 400, more: true, lost: 0 },
      { messages: 0, more: true, lost: 30 },
      { messages: 17, more: false, lost: 2 },
    ]);
    await reclaimer.start();
    await vi.advanceTimersByTimeAsync(150);
    expect([silences, lost()]).toEqual([[3_000, 3_000, 3_000], 32]);
    await reclaimer.stop();
    expect(lines).toEqual([
      [{ entries: 417 }, 'moved 417 messages of silent consumers out of their packs, for others to take'],
    ]);
  });

  it('do not keep a poll for ever', async () => {
    const { reclaimer, silences } = setUp([], { messages: 5, more: true, lost: 0 });
    await reclaimer.start();
    await vi.advanceTimersByTimeAsync(150);
    const calls = silences.length;
    expect(calls).toBeGreaterThan(1);
    await vi.advanceTimersByTimeAsync(500);
    expect(silences.length).toBe(2 * calls);
    await reclaimer.stop();
  });
});

describe('packs that Redis refuses to unpack', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('do not keep entries from being reclaimed, with one line', async () => {
    const refused = setUp([], new CgroupError('REDIS_REFUSED', 'no ids are left'));
    await refused.reclaimer.start();
    await vi.advanceTimersByTimeAsync(1_100);
    expect([refused.silences.length, refused.searches()]).toEqual([3, 1]);
    expect(refused.warnings).toEqual([
      expect.stringMatching(/^packs of silent consumers cannot be unpacked/),
    ]);
    await refused.reclaimer.stop();
  });

  it('are no sign of an outage, unlike a missing reply', async () => {
    const away = setUp([], new CgroupError('OUTCOME_UNKNOWN', 'no reply'));
    await away.reclaimer.start();
    await vi.advanceTimersByTimeAsync(1_100);
    expect([away.silences.length, away.searches()]).toEqual([1, 0]);
    await away.reclaimer.stop();
  });
});

describe('the packs that consumers hold', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('are renewed beside the entries, and lost if they are gone', async () => {
    const renewed: unknown[] = [];
    const gone: unknown[] = [];
    let lost = 0;
    const renewing =
      (what: string, deleted: number): ConsumerStore['renew'] =>
      async (consumerId, ids) => {
        renewed.push([what, consumerId, ids]);
        return { gone: [ids[0] as string], deleted };
      };
    const consumerOf = (id: string, entries: string[], packs: string[]) => ({
      id,
      heldLongerThan: () => ({ entries, packs }),
      lose: (ids: readonly string[]) => gone.push([id, ids]),
    });
    const renewal = new Renewal({
      store: fakeStore({ renew: renewing('entries', 1), renewPacks: renewing('packs', 40) }),
      consumers: () => [
        consumerOf('a', ['1-1', '1-2'], ['1-1000002', '1-1001009']),
        consumerOf('b', [], ['2-1000040']),
        consumerOf('c', [], []),
      ],
      live: () => undefined,
      heartbeat: 1_000,
      claimAfter: 3_000,
      log: silentLogger,
      onLost: (count) => {
        lost += count;
      },
    });
    await renewal.start();
    await vi.advanceTimersByTimeAsync(500);
    await renewal.stop();
    expect(renewed).toEqual([
      ['entries', 'a', ['1-1', '1-2']],
      ['packs', 'a', ['1-1000002', '1-1001009']],
      ['packs', 'b', ['2-1000040']],
    ]);
    expect(gone).toEqual([
      ['a', ['1-1']],
      ['a', ['1-1000002']],
      ['b', ['2-1000040']],
    ]);
    expect(lost).toBe(81);
  });
});
