import { expect, it } from 'vitest';
import {
  compareDeadLetters,
  type DeadLetterPlace,
  deadLetterIdIn,
  deadLetterPlaceIn,
  NewestDeadLetters,
  newestOfEach,
} from '../../../src/core/dead-letter-id.js';

it('names a dead letter with its lane, and reads both back', () => {
  expect(deadLetterIdIn(2, '5-1')).toBe('5-1@2');
  expect(deadLetterPlaceIn('5-1@2')).toEqual({ id: '5-1', lane: 2 });
  expect(deadLetterPlaceIn('5-1')).toEqual({ id: '5-1', lane: undefined });
  for (const text of [
    '',
    '5',
    '0-0',
    '0-0@1',
    '5-1@',
    '5-1@x',
    '5-1@1@2',
    '@1',
    '5-1@0099',
    '5-1@01',
    '5-1@64',
    '99999999999999999999-0',
  ])
    expect([text, deadLetterPlaceIn(text)]).toEqual([text, undefined]);
});

it('orders dead letters by their time, and those of one time by their lanes', () => {
  const placeOf = (letter: string) => deadLetterPlaceIn(letter) as DeadLetterPlace;
  const letters = ['1000-0@1', '9-0@0', '1000-0@0', '1000-10@0', '1000-9@0'];
  expect(letters.toSorted((a, b) => compareDeadLetters(placeOf(a), placeOf(b)))).toEqual([
    '9-0@0',
    '1000-0@0',
    '1000-0@1',
    '1000-9@0',
    '1000-10@0',
  ]);
});

it('knows what is up to the newest one, in each lane', () => {
  const one = new NewestDeadLetters('5-0');
  expect([one.idIn(undefined), one.idIn(3)]).toEqual(['5-0', '5-0']);
  expect(['5-0', '4-9', '5-1', '5-0@7', '', 'x'].filter((letter) => one.has(letter))).toEqual([
    '5-0',
    '4-9',
    '5-0@7',
  ]);
  // With a lane: what is not after it in the order of all.
  const inLane = new NewestDeadLetters('5-0@2');
  expect([undefined, 0, 2, 3].map((lane) => inLane.idIn(lane))).toEqual([
    ...['5-0', '5-0', '5-0', '4-18446744073709551615'],
  ]);
  const letters = ['5-0@1', '5-1@1', '5-0@2', '5-0@3', '4-9@3', '5-0'];
  expect(letters.filter((letter) => inLane.has(letter))).toEqual(['5-0@1', '5-0@2', '4-9@3', '5-0']);
  expect(new NewestDeadLetters('0-1@0').idIn(1)).toBe('');
  const each = new NewestDeadLetters(newestOfEach(['5-0@0', '', '9-0@2']));
  const those = ['5-0@0', '6-0@0', '1-0@1', '9-0@2', '10-0@2', '1-0'];
  expect(those.filter((letter) => each.has(letter))).toEqual(['5-0@0', '9-0@2']);
  expect([0, 1, 2, undefined].map((lane) => each.idIn(lane))).toEqual(['5-0', '', '9-0', '']);
  expect(new NewestDeadLetters('').has('1-0')).toBe(false);
  // In a list, an id without a lane is one of the group itself; one alone in a list counts in its own lane.
  const mixed = new NewestDeadLetters(newestOfEach(['7-0', '9-0@2']));
  expect([0, 2, undefined].map((lane) => mixed.idIn(lane))).toEqual(['', '9-0', '7-0']);
  expect(newestOfEach(['', '9-0@2'])).toBe('9-0@2,');
  expect([0, 2, undefined].map((lane) => new NewestDeadLetters('9-0,').idIn(lane))).toEqual(['', '', '9-0']);
  expect(newestOfEach(['', ''])).toBe('');
});
