import { expect, it } from 'vitest';
import { errorText } from '../../../src/processor/error-text.js';

const refused = new Error('connect ECONNREFUSED 127.0.0.1:80');
const own = new Error('mine');
own.cause = own;
const many = (count: number) => Array.from({ length: count }, (_, n) => new Error(`part ${n}`));

it.each<[what: string, error: unknown, text: string]>([
  ['an Error', new Error('out of luck'), 'out of luck'],
  ['another kind of it', new RangeError('out of luck'), 'RangeError: out of luck'],
  ['a text', 'just text', 'just text'],
  ['nothing', undefined, 'undefined'],
  [
    'one with a cause',
    new TypeError('fetch failed', { cause: refused }),
    'TypeError: fetch failed (cause: connect ECONNREFUSED 127.0.0.1:80)',
  ],
  [
    'a cause that has one',
    new Error('a', { cause: new TypeError('b', { cause: 'c' }) }),
    'a (cause: TypeError: b; c)',
  ],
  [
    'several in one',
    new AggregateError([refused, own], 'many'),
    'AggregateError: many (cause: connect ECONNREFUSED 127.0.0.1:80; mine)',
  ],
  ['its own cause', own, 'mine (cause: mine)'],
  [
    'more than are named',
    new AggregateError(many(9), 'x'),
    'AggregateError: x (cause: part 0; part 1; part 2; part 3)',
  ],
  ['a URL', new Error('https://ann:secret@db.example/x'), 'https://ann:***@db.example/x'],
])('says what a processor threw: %s', (_, error, text) => {
  expect(errorText(error)).toBe(text);
});

it('does not throw, whatever it looks at', () => {
  const refuse = () => {
    throw new Error('do not look');
  };
  const hostile = new Proxy(new Error(), { get: refuse, getPrototypeOf: refuse, has: refuse });
  expect(errorText(hostile)).toBe('a value that cannot be shown');
  expect(errorText(new Error('a', { cause: hostile }))).toBe('a (cause: a value that cannot be shown)');
});
