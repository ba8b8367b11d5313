import { describe, expect, it } from 'vitest';
import type { DoctorFacts } from '../../../src/redis/doctor-facts.js';
import { bad, findings } from '../../helpers/facts.js';
import { NO_ORDER, waitingKey } from '../../helpers/status.js';

const ID = '1795266486636-0';
const order = (more: Partial<NonNullable<DoctorFacts['order']>>) =>
  findings({ order: { ...NO_ORDER, ...more } });
const ofOrder = (facts: ReturnType<typeof findings>) => facts.filter(({ check }) => check === 'order');

describe('the order', () => {
  it('is no finding without one, and fine while nothing is stuck', () => {
    expect(ofOrder(findings({}))).toEqual([]);
    expect(ofOrder(findings({ order: undefined }))).toEqual([]);
    for (const more of [
      { kind: 'total', window: 10, head: { inboxId: ID, ageMs: 29_000 }, parked: 3 },
      { kind: 'key', stuck: null },
    ] as const)
      expect(ofOrder(order(more))).toEqual([
        { check: 'order', status: 'ok', what: `order ${more.kind}: nothing is stuck` },
      ]);
  });

  it('total is stuck if results have waited for one message for more than 30 s', () => {
    const head = { inboxId: ID, ageMs: 31_000 };
    expect(bad(order({ kind: 'total', window: 10, head, parked: 3 }))).toEqual([
      `mend order: 3 results wait for message ${ID}, for 31 s: cgroup status`,
    ]);
  });

  it('by key is stuck if messages of a key wait for one in work: the key, the message, and who has it', () => {
    const stuck = waitingKey('"c-17"', 12, { ageMs: 45_000, attempt: 3 });
    expect(bad(order({ kind: 'key', stuck }))).toEqual([
      `mend order: the key "c-17" is stuck: 12 messages wait for message ${ID}, for 45 s (attempt 3, with web1-1): cgroup status`,
    ]);
    const [long] = bad(order({ kind: 'key', stuck: { ...stuck, key: `"${'x'.repeat(150)}…`, held: 1 } }));
    expect(long).toContain(`the key "${'x'.repeat(58)}… is stuck: 1 message waits for`);
  });

  it('that was total leaves results behind, which go out at a start', () => {
    expect(bad(order({ parked: 2 }))).toEqual([
      'mend order: 2 results wait for a total order that no process asks for: cgroup start',
    ]);
  });
});
