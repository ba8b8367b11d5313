import { expect, it } from 'vitest';
import { isEntryId, nextId, previousId } from '../../../src/core/stream-id.js';

it.each(['1795251095809-0', '0-1', '1-18446744073709551615', '18446744073709551615-0', '007-1'])(
  '%s is the id of an entry',
  (id) => expect(isEntryId(id)).toBe(true),
);

it.each([
  '',
  '1',
  '1-',
  '-1',
  '1-2-3',
  ' 1-1',
  '1-1\n',
  'x-1',
  '0-0',
  '18446744073709551616-0',
  '1-18446744073709551616',
])('%j is not the id of an entry', (text) => expect(isEntryId(text)).toBe(false));

it.each([
  ['5-0', '5-1'],
  ['5-18446744073709551615', '6-0'],
])('the id after %s is %s, and the other way round', (id, next) => {
  expect(nextId(id)).toBe(next);
  expect(previousId(next)).toBe(id);
});

it('there is no id before the first one', () => {
  expect(previousId('0-1')).toBeUndefined();
  expect(previousId('1-0')).toBe('0-18446744073709551615');
});
