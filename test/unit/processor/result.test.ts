import { Readable } from 'node:stream';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeResult } from '../../../src/processor/result.js';

describe('the JSON of a result', () => {
  it('is that of any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(encodeResult(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  it.each([
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [null, 'null'],
  ])('follows the rules of JSON.stringify: %o', (value, json) => {
    expect(encodeResult(value)).toBe(json);
  });

  it.each([
    [undefined, 'the processor returned undefined, which has no JSON: return the result, or null'],
    [() => {}, 'the processor returned a function, which has no JSON: return the result, or null'],
    [Symbol('s'), 'the processor returned a symbol, which has no JSON: return the result, or null'],
    [
      { toJSON: () => undefined },
      'the processor returned an object, which has no JSON: return the result, or null',
    ],
    [10n, /BigInt/],
  ])('%s has none', (value, message) => {
    expect(() => encodeResult(value)).toThrow(TypeError);
    expect(() => encodeResult(value)).toThrow(message);
  });

  const limit = 64 * 1024 * 1024;
  it.each([
    ['one byte each', 'x', limit - 2],
    ['three bytes each', '€', Math.floor((limit - 2) / 3)],
  ])('may be 64 MB long, no longer, in characters of %s', (_name, character, most) => {
    expect(encodeResult(character.repeat(most))).toHaveLength(most + 2);
    expect(() => encodeResult(character.repeat(most + 1))).toThrow('the result is larger than 64 MB of JSON');
  });

  const kept = 'of which JSON keeps nothing: return plain objects, lists, texts and numbers';
  it.each<[unknown, string]>([
    [new Map([['a', 1]]), `the result is of type Map, ${kept}`],
    [{ tags: [1, new Set()] }, `"tags" of the result is of type Set, ${kept}`],
    [new RangeError('no'), 'the result is an error: throw it, and the attempt has failed'],
    [
      [{ reason: Object.assign(new Error('x'), { code: 'E' }) }],
      '"reason" of the result is an error: throw it',
    ],
    [{ a: { order: Promise.resolve(1) } }, '"order" of the result is a promise: await it'],
    [new Response('x'), `the result is of type Response, ${kept}`],
    [{ q: new URLSearchParams('a=1') }, `"q" of the result is of type URLSearchParams, ${kept}`],
    [(function* () {})(), `the result is of type Generator, ${kept}`],
    [(async function* () {})(), `the result is of type AsyncGenerator, ${kept}`],
    [Readable.from(['a']), `the result is of type Readable, ${kept}`],
    [{ a: new ArrayBuffer(4) }, `"a" of the result is of type ArrayBuffer, ${kept}`],
    [
      {
        secret: new (class Vault {
          #key = 1;
          get key() {
            return this.#key;
          }
        })(),
      },
      `of type Vault, ${kept}`,
    ],
    [
      new (class Order {
        lines = new Map();
      })(),
      `"lines" of the result is of type Map, ${kept}`,
    ],
  ])('is refused if it would lose something: %o', (value, message) => {
    expect(() => encodeResult(value)).toThrow(TypeError);
    expect(() => encodeResult(value)).toThrow(message);
  });

  it.each<[string, unknown]>([
    ['empty objects and lists', { a: {}, b: [], c: [{}] }],
    [
      'objects without a prototype',
      { a: Object.assign(Object.create(null), { b: {} }), c: Object.create(null) },
    ],
    ['objects of another realm', runInNewContext('({ a: {}, b: [1, {}] })')],
    [
      'instances of a class with properties',
      new (class Order {
        id = 1;
        lines = [{ sku: 'a' }];
      })(),
    ],
    ['what has a toJSON', { a: new Date(0), b: new URL('http://a/'), c: Buffer.from('a') }],
    ['numbers in a typed array', { a: new Float32Array(2) }],
    ['a number as an object', { a: Object(5) }],
  ])('keeps %s', (_name, value) => {
    expect(encodeResult(value)).toBe(JSON.stringify(value));
  });

  it('is made of whatever JSON.stringify takes, however deep', () => {
    for (let depth = 500; ; depth += 250) {
      const text = `${'['.repeat(depth)}${']'.repeat(depth)}`;
      const value = JSON.parse(text) as unknown;
      try {
        JSON.stringify(value);
      } catch {
        expect(depth).toBeGreaterThan(1_000);
        return;
      }
      expect(encodeResult(value)).toBe(text);
    }
  });
});
