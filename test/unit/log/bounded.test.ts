import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedFields } from '../../../src/log/bounded.js';

const copyOf = (fields: object) => boundedFields(fields).copy;
/** A list in a list in a list … */
function nested(depth: number): unknown {
  let value: unknown = 'inside';
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

describe('the fields of a line', () => {
  it('are what JSON shows of them, if they are not too large', () => {
    const fields = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 }));
    fc.assert(
      fc.property(fields, (value) => {
        expect(JSON.stringify(copyOf(value))).toBe(JSON.stringify(value));
      }),
    );
  });

  it('follow toJSON, and leave out what JSON leaves out', () => {
    const fields = { at: new Date(0), url: new URL('http://h/'), f: () => {}, s: Symbol('s'), u: undefined };
    expect(JSON.stringify(copyOf(fields))).toBe('{"at":"1970-01-01T00:00:00.000Z","url":"http://h/"}');
    expect(copyOf({ n: 12n, bytes: Buffer.alloc(3) })).toEqual({ n: '12', bytes: '3 bytes' });
  });

  it('keep errors as errors, with their causes, cut', () => {
    const error = new TypeError('x'.repeat(50_000), { cause: new Error('why') });
    const { err } = structuredClone(copyOf({ err: error })) as { err: Error };
    expect(err).toBeInstanceOf(Error);
    expect(err.message).toMatch(/^x{10000}… \(50000 characters\)$/);
    expect(err.stack?.length).toBeLessThan(10_100);
    expect((copyOf({ err: error }) as { err: Error }).err.cause).toMatchObject({ message: 'why' });
  });

  const branching: Record<string, unknown> = {};
  for (const name of 'abc') branching[name] = branching;
  it.each<[string, object]>([
    ['a text of 20 MB', { text: 'x'.repeat(2e7) }],
    ['many texts', { list: Array(5_000).fill('y'.repeat(5_000)) }],
    ['many numbers', { list: Array(1_000_000).fill(1) }],
    ['many names', Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`name-${i}`, i]))],
    ['a name of 20 MB', { ['n'.repeat(2e7)]: 1 }],
    ['many levels', { deep: nested(6_000) }],
    ['a circle', branching],
    [
      'a toJSON that gives itself',
      {
        a: {
          toJSON() {
            return this;
          },
        },
      },
    ],
  ])('are cut, and can be posted: %s', (_name, fields) => {
    const { copy, size } = boundedFields(fields);
    const json = JSON.stringify(structuredClone(copy));
    expect(json.length).toBeLessThan(300_000);
    expect(json).toContain('…');
    expect(size).toBeGreaterThan(0);
  });

  it('survive values that throw when they are looked at', () => {
    const refuse = () => {
      throw new Error('do not look');
    };
    const hidden = new Proxy({}, { get: refuse, getPrototypeOf: refuse, ownKeys: refuse });
    const getter = Object.defineProperty({}, 'x', { get: refuse, enumerable: true });
    expect(copyOf({ hidden, getter, a: 1 })).toEqual({
      hidden: 'a value that cannot be shown',
      getter: 'a value that cannot be shown',
      a: 1,
    });
    expect(copyOf(hidden)).toEqual({});
  });
});
