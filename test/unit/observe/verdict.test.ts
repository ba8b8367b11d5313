import { describe, expect, it } from 'vitest';
import type { TrendView } from '../../../src/observe/trend.js';
import { VerdictWatch, verdictOf } from '../../../src/observe/verdict.js';
import type { VerdictInput, VerdictReading } from '../../../src/observe/verdict-input.js';
import { shownProcess, unset } from '../../helpers/control.js';
import { awayLane, groupStatus, NO_ORDER, waitingKey } from '../../helpers/status.js';

const TIME = '2026-11-21T12:00:00.000Z';
const BRIDGES = [
  { id: 'a', leads: true },
  { id: 'b', leads: false },
];

function reading(more: Partial<VerdictReading> = {}): VerdictReading {
  return { ...groupStatus({ time: TIME, leader: 'a', bridges: BRIDGES }), consumerCount: 2, ...more };
}

const even: TrendView = {
  in5: 100,
  in60: 100,
  out5: 100,
  out60: 100,
  failed5: 0,
  failed60: 0,
  dead5: 0,
  dead60: 0,
  seconds: 60,
  growth5: 0,
  failing60: 0,
  failures60: 0,
  fallingBehind: null,
  leastLag5: Number.POSITIVE_INFINITY,
  memoryLasts: null,
};

/** The verdict on a group that is watched. */
function watched(
  more: Partial<VerdictReading>,
  trend: Partial<TrendView> = {},
  rest: Partial<VerdictInput> = {},
) {
  return verdictOf({ reading: reading(more), trend: { ...even, ...trend }, isSettled: true, ...rest });
}

const paused = { ...unset.control, paused: true };
const pausedBy = { who: 'ann@web1', why: 'upgrade', at: '2026-11-21T11:00:00.000Z' };
const list = { kind: 'list', name: 'orders', waiting: 0 } as const;
const late = { waiting: 9, backlog: 9, lagMs: 45_000 };
const process = (more: object) => shownProcess('p1', 'web1', { managed: false, ...more });

describe('the verdict', () => {
  it('does not call a group slow because an old message is tried again for a moment', () => {
    const retried = { backlog: 3, retrying: 2, lagMs: 45_000 };
    expect(watched(retried, { leastLag5: 20_000 }).title).toMatch(/^Slow or stuck/);
    expect(watched(retried, { leastLag5: 0 }).title).toBe('Keeping up');
  });

  it.each([
    [{}, {}, 'healthy', 'good', 'Keeping up'],
    [{ leader: null }, {}, 'stopped', 'bad', 'Nothing is relayed: no bridge leads'],
    [{ leader: null, source: list }, {}, 'stopped', 'bad', 'Nothing is taken from the list: no process does'],
    [
      { leader: null, source: list, processes: [process({ pulls: true })] },
      {},
      'healthy',
      'good',
      'Keeping up',
    ],
    [{ control: paused, ...late }, {}, 'paused', 'warn', 'Paused'],
    [{ control: paused, leader: null }, {}, 'stopped', 'bad', 'Nothing is relayed: no bridge leads'],
    [
      { control: { ...paused, pausedBy }, consumerCount: 0 },
      {},
      'paused',
      'warn',
      'Paused by ann@web1 since 2026-11-21T11:00:00Z: upgrade',
    ],
    [{ consumerCount: 0 }, {}, 'stopped', 'bad', 'Nothing is processed: there are no consumers'],
    [
      { consumerCount: 0, control: { ...unset.control, size: 0 } },
      {},
      'stopped',
      'bad',
      'Nothing is processed: 0 consumers are wanted',
    ],
    [
      { consumerCount: 0, processes: [process({ workers: 0 })] },
      {},
      'stopped',
      'bad',
      'Nothing is processed: no worker is connected',
    ],
    [{ processes: [process({ workers: 0 })] }, {}, 'degraded', 'warn', 'No worker is connected'],
    [
      { processes: [process({ consumers: 2, stalled: 2 })] },
      {},
      'failing',
      'bad',
      'Nothing is processed: the processor cannot be started or reached',
    ],
    [
      { consumerCount: 4, processes: [process({ consumers: 2, stalled: 2 })] },
      {},
      'degraded',
      'warn',
      'The processor cannot be started or reached by p1',
    ],
    [
      { processes: [process({ recordAway: true })] },
      {},
      'failing',
      'bad',
      'Nothing is written to the system of record of p1: its log says why',
    ],
    [
      {},
      { failing60: 0.421, failures60: 40 },
      'failing',
      'warn',
      'Failing: 42 % of the attempts of the last 60 s failed',
    ],
    [
      {},
      { failing60: 0.999, failures60: 4_000 },
      'failing',
      'bad',
      'Failing: 99 % of the attempts of the last 60 s failed',
    ],
    [
      {},
      { failing60: 1, failures60: 2 },
      'failing',
      'bad',
      'Failing: 100 % of the attempts of the last 60 s failed',
    ],
    [{}, { failing60: 0.5, failures60: 1 }, 'healthy', 'good', 'Keeping up'],
    [{}, { failing60: 0.04, failures60: 900 }, 'healthy', 'good', 'Keeping up'],
    [
      { waiting: 900, backlog: 900, lagMs: 4_000 },
      { in5: 150, out5: 50, growth5: 100, fallingBehind: { since: TIME, by: 100 } },
      'falling-behind',
      'warn',
      'Falling behind by 100 messages per second',
    ],
    [
      { waiting: 900, backlog: 900, lagMs: 4_000 },
      { growth5: 100, fallingBehind: { since: TIME, by: 100 }, memoryLasts: 240 },
      'falling-behind',
      'bad',
      'Falling behind by 100 messages per second: Redis is full in about 4 min',
    ],
    [late, {}, 'behind', 'bad', 'Behind: the oldest message is 45 s old'],
    [
      { waiting: 400, backlog: 400, lagMs: 45_000 },
      { growth5: -20 },
      'behind',
      'warn',
      'Catching up: 400 messages wait, done in about 20 s',
    ],
    [
      { pending: 1, backlog: 1, lagMs: 45_000 },
      {},
      'behind',
      'warn',
      'Slow or stuck: a message has been in work for up to 45 s',
    ],
    [
      { retrying: 1, backlog: 1, retries: { ageMs: 600_000, dueMs: 9_000 } },
      {},
      'healthy',
      'good',
      'Keeping up',
    ],
    [
      { retrying: 1, backlog: 1, retries: { ageMs: 600_000, dueMs: -12_000 } },
      {},
      'behind',
      'warn',
      'Late: a message should have been tried again 12 s ago',
    ],
    [{ waiting: 9, backlog: 9, lagMs: 900 }, {}, 'healthy', 'good', 'Keeping up'],
    [
      { bridges: BRIDGES.slice(0, 1), processes: [process({ bridges: 2 })] },
      {},
      'degraded',
      'warn',
      'No spare bridge: if the one that leads ends, messages are missed. Start a second process',
    ],
    [
      { bridges: BRIDGES.slice(0, 1), processes: [process({ bridges: 1 })] },
      {},
      'healthy',
      'good',
      'Keeping up',
    ],
    [
      { ended: [{ id: 'web2-7-abc', host: 'web2', at: '2026-11-21T11:59:48.000Z' }] },
      {},
      'degraded',
      'warn',
      '1 process ended without leaving, the last 12 s ago: web2-7-abc',
    ],
    [
      { ended: [{ id: 'web2-7-abc', host: 'web2', at: '2026-11-21T11:50:00.000Z' }] },
      {},
      'healthy',
      'good',
      'Keeping up',
    ],
    [
      { processes: [process({ silent: true })] },
      {},
      'degraded',
      'warn',
      '1 process silent: no heartbeat of p1',
    ],
    [
      { control: { ...unset.control, wanted: 50, capacity: 8, hosts: 2 } },
      {},
      'degraded',
      'warn',
      '50 consumers wanted, capacity 8 on 2 hosts',
    ],
    [{ haltedCount: 3 }, {}, 'halted', 'warn', 'Halted: results wait for a dead letter'],
    [
      { haltedCount: 1, halted: [{ deadId: '1-1', inboxId: '1-1', key: '"a"' }] },
      {},
      'halted',
      'warn',
      'Halted: the messages of 1 key wait',
    ],
  ] as const)('%j %j: %s, %s, %s', (more, trend, state, level, title) => {
    expect(watched(more as Partial<VerdictReading>, trend)).toMatchObject({ state, level, title });
  });

  it('never says that a group keeps up of which only one reading is known', () => {
    const one = (more: Partial<VerdictReading>) => verdictOf({ reading: reading(more) });
    expect(one({})).toMatchObject({ state: 'healthy', title: 'At rest: no message waits' });
    expect(one({ waiting: 3, backlog: 4, lagMs: 700 }).title).toBe(
      'At work: the oldest message is 700 ms old, 3 wait',
    );
    expect(verdictOf({ reading: reading(), trend: even, isSettled: false }).title).not.toBe('Keeping up');
  });

  it('is unknown without a reading for 3 s, says since when, and keeps what was known', () => {
    const unknown = watched(late, {}, { age: 3_001, failure: 'Redis does not answer' });
    expect(unknown).toEqual({
      state: 'unknown',
      level: 'unknown',
      title: 'Unknown since 12:00:00Z: Redis does not answer',
      notes: ['at the last reading, 3 s ago: Behind: the oldest message is 45 s old'],
      since: TIME,
    });
    expect(watched({}, {}, { age: 3_000 }).title).toBe('Keeping up');
    expect(JSON.stringify(watched({}, {}, { age: 9_000 }))).not.toMatch(/keeping up/i);
    expect(watched({}, {}, { age: 9_000, freshFor: 10_000 }).state).toBe('healthy');
    expect(verdictOf({ reading: undefined }).state).toBe('unknown');
  });

  it('has all else that is not well as notes, the worst first', () => {
    const { title, notes } = watched(
      {
        control: paused,
        bridges: BRIDGES.slice(0, 1),
        processes: [process({ bridges: 2, silent: true })],
        retrying: 2,
        retries: { ageMs: 60_000, dueMs: 100 },
        foreign: [{ key: 'k', field: 'f' }],
      },
      { failing60: 0.5, failures60: 50 },
    );
    expect(title).toBe('Paused');
    expect(notes).toEqual([
      'Failing: 50 % of the attempts of the last 60 s failed',
      '1 process silent: no heartbeat of p1',
      'No spare bridge: if the one that leads ends, messages are missed. Start a second process',
      '2 messages failed and will be tried again, the oldest 60 s old',
      '1 foreign value in the keys of the group: see cgroup doctor',
    ]);
  });

  it('tells only what is new of dead letters and gaps', () => {
    const news = { dead: 3, gaps: 1, lost: 0, dropped: 0, since: 'in the last hour' };
    expect(watched({ deadLetters: 900 }).notes).toEqual([]);
    expect(watched({ deadLetters: 900 }, {}, { news })).toMatchObject({
      level: 'warn',
      notes: ['1 gap in the last hour: messages may have been missed', '3 new dead letters in the last hour'],
    });
  });

  it('names what an order waits for', () => {
    const head = { inboxId: '1-0', ageMs: 45_000, consumerId: 'a', attempt: 2 };
    const stuck = waitingKey(`"${'x'.repeat(70)}"`, 3, { ageMs: 40_000 });
    const of = (order: object) => watched({ order: { ...NO_ORDER, ...order } }).title;
    expect(of({ head, parked: 1 })).toBe('1 result waits for message 1-0, for 45 s: a has it, attempt 2');
    expect(of({ stuck })).toBe(
      `3 messages of the key "${'x'.repeat(59)}… wait for message 1795266486636-0, for 40 s: web1-1 has it, attempt 1`,
    );
  });

  it('knows since when it is so, as long as somebody watches', () => {
    const watch = new VerdictWatch();
    const at = (time: string, more: Partial<VerdictReading> = {}) =>
      watch.next({ reading: reading({ time, ...more }) }).since;
    expect(at('2026-11-21T12:00:01.000Z')).toBe('2026-11-21T12:00:01.000Z');
    expect(at('2026-11-21T12:00:02.000Z')).toBe('2026-11-21T12:00:01.000Z');
    expect(at('2026-11-21T12:00:03.000Z', late)).toBe('2026-11-21T12:00:03.000Z');
    expect(at('2026-11-21T12:00:04.000Z', { control: { ...paused, pausedBy } })).toBe(pausedBy.at);
  });
});

describe('lanes that are away', () => {
  const lanes = [awayLane('out:{0}'), awayLane('out:{1}')];
  const away = { lanes, awayLanes: ['out:{0}', 'out:{1}'] };

  it('are no healthy group, whether a bridge leads or not', () => {
    expect(verdictOf({ reading: reading(away) })).toMatchObject({
      ...{ state: 'degraded', level: 'bad', notes: ['the numbers leave out out:{0}, out:{1}'] },
      title: '2 lanes do not answer, and nothing is relayed until they do',
    });
    const { title, notes, state } = verdictOf({ reading: reading({ ...away, leader: null }) });
    expect([state, title]).toEqual(['stopped', 'Nothing is relayed: 2 lanes do not answer']);
    expect(notes.join()).not.toContain('no bridge leads');
  });

  it('keep nothing from being relayed if the group has them no more', () => {
    expect(verdictOf({ reading: reading({ awayLanes: ['out:{2}'] }) })).toMatchObject({
      ...{ state: 'degraded', level: 'warn', title: '1 former lane does not answer' },
    });
    expect(verdictOf({ reading: reading({ awayLanes: [] }) }).state).toBe('healthy');
  });
});
