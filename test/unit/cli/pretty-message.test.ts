import fc from 'fast-check';
import { expect, it } from 'vitest';
import { prettyMessage } from '../../../src/cli/pretty-message.js';

it('shows JSON as JSON.stringify indents it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      const text = JSON.stringify(value);
      expect(prettyMessage(text)).toBe(JSON.stringify(JSON.parse(text), null, 2));
    }),
  );
});

it('keeps numbers as they were written', () => {
  expect(prettyMessage('{"a":12345678901234567890,"b":[1.0e3]}')).toBe(
    '{\n  "a": 12345678901234567890,\n  "b": [\n    1.0e3\n  ]\n}',
  );
});

it.each([
  ['no JSON', 'no JSON'],
  ['nothing', ''],
  ['a name twice', '{"a":1,"a":2}'],
  ['a hundred thousand levels', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ['a hundred and one levels', `${'['.repeat(102)}1${']'.repeat(102)}`],
])('leaves %s as it is', (_, text) => {
  expect(prettyMessage(text)).toBe(text);
});
