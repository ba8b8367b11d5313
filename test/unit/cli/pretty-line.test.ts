import { expect, it } from 'vitest';
import { prettyLine } from '../../../src/cli/pretty-line.js';

const time = '2026-11-21T08:51:39.123Z';
const plain = (fields: object, without: string[] = []) => prettyLine(fields, { colours: false, without });

it('is the time, the level, the text and the other fields', () => {
  const line = plain({ level: 30, time, group: 'g', size: 5, at: { x: [1] }, msg: 'ready' }, ['group']);
  expect(line).toBe('[08:51:39] INFO: ready {"size":5,"at":{"x":[1]}}\n');
  expect(plain({ level: 40, time, msg: 'slow' })).toBe('[08:51:39] WARN: slow\n');
  expect(plain({ level: 35, time, size: 5 })).toBe('[08:51:39] LEVEL 35: {"size":5}\n');
});

it('shows an error with its stack below the line, indented', () => {
  const error = { type: 'Error', message: 'no', code: 'REDIS', stack: 'Error: no\n    at a.js:1' };
  expect(plain({ level: 50, time, error, size: 5, msg: 'lost' })).toBe(
    '[08:51:39] ERROR: lost {"size":5}\n    error: {"code":"REDIS"}\n    Error: no\n        at a.js:1\n',
  );
});

it('has colours that end where they should', () => {
  const line = prettyLine({ level: 50, time, size: 5, msg: 'lost' }, { colours: true, without: [] });
  expect(line).toBe('[08:51:39] \x1b[31mERROR\x1b[39m: \x1b[36mlost\x1b[39m \x1b[90m{"size":5}\x1b[39m\n');
});
