import type { GroupStatus, OrderStatus } from '../../src/observe/status.js';
import type { LaneTotals } from '../../src/redis/reading.js';
import type { WaitingKey } from '../../src/redis/scripts/keyed.js';
import { unset } from './control.js';

/** The order of a group without one. */
export const NO_ORDER: OrderStatus = {
  kind: 'none',
  head: null,
  parked: 0,
  window: null,
  busy: null,
  hottest: [],
  stuck: null,
};

/** A key whose first message a consumer has, and what waits behind it. */
export function waitingKey(key: string, held: number, more: Partial<WaitingKey> = {}): WaitingKey {
  const inWork = { inboxId: '1795266486636-0', consumerId: 'web1-1', attempt: 1, ageMs: 300, halted: false };
  return { key, held, ...inWork, ...more };
}

/** A lane that is away. */
export function awayLane(output: string): LaneTotals {
  const counts = {
    relayed: null,
    processed: null,
    failed: null,
    retried: null,
    dead: null,
    deadLetters: null,
  };
  const waits = { waiting: null, pending: null, retrying: null, held: null, backlog: null, lagMs: null };
  return { output, node: null, ...counts, ...waits };
}

/** The status of an idle group. */
export function groupStatus(more: Partial<GroupStatus> = {}): GroupStatus {
  return {
    time: '2026-11-21T12:00:03.987Z',
    group: 'cgroup',
    channel: 'in',
    source: { kind: 'channel', name: 'in', waiting: null },
    output: 'out',
    master: null,
    leader: 'b1',
    bridges: [{ id: 'b1', leads: true }],
    consumers: [],
    waiting: 0,
    pending: 0,
    retrying: 0,
    held: 0,
    backlog: 0,
    parked: 0,
    order: NO_ORDER,
    lagMs: 0,
    retries: { ageMs: 0, dueMs: null },
    deadLetters: 0,
    foreign: [],
    gaps: [],
    haltedCount: 0,
    halted: [],
    counters: {
      relayed: 0,
      processed: 0,
      failed: 0,
      retried: 0,
      dead: 0,
      gaps: 0,
      dropped: 0,
      lost: 0,
      strays: 0,
      trimmed: 0,
      purged: 0,
      revived: 0,
      foreignMarks: 0,
      foreignRetries: 0,
      foreignHalts: 0,
      freed: 0,
      foreignHeld: 0,
      foreignParked: 0,
    },
    ...unset,
    ...more,
  };
}
