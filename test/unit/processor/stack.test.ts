import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { keptStack, stackOf } from '../../../src/processor/stack.js';

const ours = (file: string) => new URL(`../../../src/${file}`, import.meta.url);
const at = (...places: string[]) => places.map((place) => `    at ${place}`);
const kept = (...lines: string[]) => keptStack(lines.join('\n'));

const USER = 'charge (file:///app/handler.mjs:3:9)';
const NODE = 'process.processTicksAndRejections (node:internal/process/task_queues:105:5)';
const OURS = [
  `Attempt.begin (${ours('processor/attempt.js')}:99:5)`,
  `async ${ours('processor/slot.js')}:9:1`,
  `receive (${fileURLToPath(ours('processor/threads/serve.js'))}:1:1)`,
];

describe('the kept part of a stack', () => {
  it.each([
    ['only users', [USER, 'file:///app/b.mjs:1:1'], [USER, 'file:///app/b.mjs:1:1']],
    ['users, Node and ours', [USER, NODE, ...OURS], [USER]],
    ['ours first', [OURS[0] ?? '', USER], [USER]],
    ['built-in functions between', ['Array.map (<anonymous>)', USER], [USER]],
    ['a path', ['Object.<anonymous> (/app/a.cjs:1:2)'], ['Object.<anonymous> (/app/a.cjs:1:2)']],
    ['a package', ['x (/app/node_modules/pg/a.js:1:2)'], ['x (/app/node_modules/pg/a.js:1:2)']],
    ['an address that is none', ['x (wasm://wasm/0001:1:2)'], ['x (wasm://wasm/0001:1:2)']],
  ])('has the frames of users only: %s', (_what, frames, left) => {
    expect(kept('Error: broken', ...at(...frames))).toBe(['Error: broken', ...at(...left)].join('\n'));
  });

  it.each([
    ['only ours', ['Error: broken', ...at(...OURS)]],
    ['Node and ours', ['Error: broken', ...at(NODE, ...OURS, 'async Promise.all (index 0)')]],
    ['none', ['Error: broken']],
    ['an empty one', ['']],
  ])('is nothing without a frame of users: %s', (_what, lines) => {
    expect(kept(...lines)).toBeUndefined();
  });

  it('has the first line of a long message, and ends at a whole line', () => {
    const frames = at(...Array.from({ length: 200 }, (_, i) => `é${i} (file:///app/handler.mjs:${i}:1)`));
    const long = kept(`Error: first ${'x'.repeat(20_000)}`, 'second', ...frames) ?? '';
    const [first, ...rest] = long.split('\n');
    expect(first).toMatch(/^Error: first x{487}$/);
    expect(rest).toEqual(frames.slice(0, rest.length));
    expect(Buffer.byteLength(long)).toBeLessThanOrEqual(4_096);
    expect(Buffer.byteLength(long)).toBeGreaterThan(4_000);
  });

  it.each(['\r', '\u2028', 'x'])('reads little of a message that looks like a frame: %j', (end) => {
    const found = kept('Error: broken', `  at ${'('.repeat(64_000)}${end}`, ...at(USER)) ?? '';
    expect(found.split('\n').map((line) => line.length)).toEqual([13, 500, 7 + USER.length]);
  });

  it('shows no secret of a URL', () => {
    expect(
      kept('Error: redis://ann:secret@db/0', ...at('x (http://a/b.mjs?token=secret:1:1)')),
    ).not.toContain('secret');
  });
});

describe('what a processor throws', () => {
  it('has a stack if it is an Error', () => {
    expect(stackOf(new TypeError('broken'))).toMatch(/^TypeError: broken\n {4}at .*stack\.test\.ts/);
  });

  const refusing = new Error('x');
  Object.defineProperty(refusing, 'stack', {
    get: () => {
      throw new Error('do not look');
    },
  });
  const none = Object.assign(new Error('x'), { stack: undefined });
  const proxy = new Proxy(new Error('x'), { getPrototypeOf: () => null });
  const foreign = Object.assign(new Error('x'), { stack: 'Error: x\n    at x (file://host/a.mjs:1:1)' });

  it.each([
    ['a text', 'text'],
    ['null', null],
    ['no stack', none],
    ['a getter that throws', refusing],
    ['a proxy', proxy],
  ])('has none otherwise: %s', (_what, value) => {
    expect(stackOf(value)).toBeUndefined();
  });

  it('never throws, whatever the stack holds', () => {
    expect(() => stackOf(foreign)).not.toThrow();
  });
});
