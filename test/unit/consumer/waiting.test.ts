import { expect, test } from 'vitest';
import { InFlight } from '../../../src/consumer/in-flight.js';
import { WaitingDeliveries } from '../../../src/consumer/waiting.js';
import { OrderWindow } from '../../../src/core/order-window.js';

/** Deliveries of fresh entries; `identity` is that of a message which stands elsewhere than its entry. */
function read(inFlight: InFlight, ...entries: { id: string; identity?: string }[]) {
  return inFlight.accept(
    entries.map((entry) => ({ ...entry, message: '{}', attempts: 0 })),
    true,
  );
}

function idsTaken(waiting: WaitingDeliveries): string[] {
  const ids: string[] = [];
  for (let next = waiting.take(); next; next = waiting.take()) ids.push(next.entryId);
  return ids;
}

test('a halted message that is tried again begins before all that wait for it, though the window is full', () => {
  const window = new OrderWindow(2, () => {});
  const waiting = new WaitingDeliveries(window);
  const inFlight = new InFlight(() => {});
  for (const delivery of read(inFlight, { id: '4-0' }, { id: '5-0' })) waiting.add(delivery);
  window.note({ parked: 2, head: '1-0', unread: false });
  expect(idsTaken(waiting)).toEqual([]);
  const [again] = read(inFlight, { id: '9-0', identity: '1-0' });
  if (again) waiting.add(again);
  expect(waiting.size).toBe(3);
  expect(idsTaken(waiting)).toEqual(['9-0']);
  window.note({ parked: 0, head: '', unread: false });
  expect(idsTaken(waiting)).toEqual(['4-0', '5-0']);
  expect(waiting.size).toBe(0);
});

test('of messages that are tried again, the one begins that the order waits for', () => {
  const window = new OrderWindow(1, () => {});
  const waiting = new WaitingDeliveries(window);
  const both = read(new InFlight(() => {}), { id: '8-0', identity: '2-0' }, { id: '9-0', identity: '1-0' });
  for (const delivery of both) waiting.add(delivery);
  window.note({ parked: 1, head: '1-0', unread: false });
  expect(idsTaken(waiting)).toEqual(['9-0']);
  both[0]?.release();
  waiting.prune();
  expect(waiting.size).toBe(0);
});
