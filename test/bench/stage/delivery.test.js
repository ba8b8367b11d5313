import { describe, expect, it } from 'vitest';
import { Tally } from './delivery.js';
import { messageOf } from './messages.js';

function entryOf(number, { random = 0.5, consumer = 'c-1' } = {}) {
  const { message_id } = JSON.parse(messageOf(number));
  return ['message_id', message_id, 'consumer_id', consumer, 'data', JSON.stringify({ message_id, random })];
}

function tallyOf(...entries) {
  const tally = new Tally(2);
  for (const entry of entries) tally.add(entry);
  return tally;
}

describe('Tally', () => {
  it('accepts each message once', () => {
    expect(tallyOf(entryOf(1), entryOf(0, { consumer: 'c-2' })).close()).toEqual({ consumers: 2 });
  });

  it.each([
    ['lost', [entryOf(0)]],
    ['doubled', [entryOf(0), entryOf(1), entryOf(1)]],
    ['unexpected', [entryOf(0), entryOf(1), entryOf(2)]],
    ['unexpected', [entryOf(0), entryOf(1), ['message_id', 'other', 'consumer_id', 'c', 'data', '{}']]],
    ['unprocessed', [entryOf(0), entryOf(1, { random: 'no number' })]],
    ['unprocessed', [entryOf(0), entryOf(1, { consumer: '' })]],
    ['unprocessed', [entryOf(0), [...entryOf(1).slice(0, 4), 'data', 'no json']]],
  ])('finds what is %s', (name, entries) => {
    expect(() => tallyOf(...entries).close()).toThrow(`1 ${name}`);
  });
});
