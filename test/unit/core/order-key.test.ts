import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { keyLines, orderKeyIn, orderKeyOf, pathOf } from '../../../src/core/order-key.js';

const keyOf = (text: string, path = 'customer.id') => orderKeyOf(Buffer.from(text), pathOf(path));

describe('the key of a message', () => {
  it.each([
    ['a text', '{"customer":{"id":"a"}}', '"a"'],
    ['a number', '{"customer":{"id":7}}', '7'],
    ['a number in another form', '{"customer":{"id":7.0e0}}', '7'],
    ['minus zero', '{"customer":{"id":-0}}', '0'],
    ['a boolean', '{"customer":{"id":false}}', 'false'],
    ['an empty text', '{"customer":{"id":""}}', '""'],
    ['a text with what ends parts of members', '{"customer":{"id":"\\u0000\\n"}}', '"\\u0000\\n"'],
    ['half a surrogate pair', '{"customer":{"id":"\\ud800"}}', '"\\ud800"'],
    ['an escape in a name', '{"custom\\u0065r":{"\\u0069d":1}}', '1'],
    ['the last of two members', '{"customer":{"id":1,"id":2},"customer":{"id":3,"id":4}}', '4'],
    ['no other member of that name', '{"other":{"customer":{"id":1}},"customer":{"id":2}}', '2'],
  ])('is %s', (_, text, key) => {
    expect(keyOf(text)).toBe(key);
  });

  it.each([
    ['nothing there', '{"customer":{}}'],
    ['no way there', '{"customer":"id"}'],
    ['only a nested one', '{"a":{"customer":{"id":1}}}'],
    ['null', '{"customer":{"id":null}}'],
    ['an object', '{"customer":{"id":{}}}'],
    ['a list', '{"customer":{"id":[1]}}'],
    ['a number that is none here', '{"customer":{"id":1e999}}'],
    ['no JSON', '{"customer":{"id":1}'],
    ['nothing', ''],
    ['no object', '"customer"'],
  ])('is none if there is %s', (_, text) => {
    expect(keyOf(text)).toBeUndefined();
  });

  it('is none in bytes that are no text', () => {
    const bytes = Buffer.concat([
      Buffer.from('{"customer":{"id":"'),
      Buffer.from([0xff]),
      Buffer.from('"}}'),
    ]);
    expect(orderKeyOf(bytes, pathOf('customer.id'))).toBeUndefined();
  });

  it('is not the length of a list, nor what all objects have', () => {
    expect(keyOf('{"list":[1,2]}', 'list.length')).toBeUndefined();
    expect(keyOf('{}', 'constructor.name')).toBeUndefined();
    expect(keyOf('{"__proto__":{"id":1}}', '__proto__.id')).toBe('1');
  });
});

test('the key of any message is what JSON.parse finds, and holds no byte that ends it', () => {
  const name = fc.constantFrom('customer', 'id', 'x', '__proto__');
  const message = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, fc.jsonValue(), fc.string({ unit: 'binary' }), tie('object')),
    object: fc.array(fc.tuple(name, tie('value'))).map((members) => Object.fromEntries(members) as unknown),
  })).object;
  fc.assert(
    fc.property(message, (value) => {
      const text = JSON.stringify(value);
      const parsed = JSON.parse(text) as Record<string, Record<string, unknown> | null>;
      const found = (parsed as { customer?: { id?: unknown } | null }).customer?.id;
      const isKey = ['string', 'number', 'boolean'].includes(typeof found) && !Array.isArray(parsed.customer);
      const key = keyOf(text);
      expect(key).toBe(isKey ? JSON.stringify(found) : undefined);
      expect(key).toBe(orderKeyIn(parsed, ['customer', 'id']));
      expect(key ?? '').not.toMatch(/[\0\n]/);
    }),
  );
});

test('keys of many messages are lines', () => {
  const messages = ['{"k":"a\\nb"}', 'no JSON', '{"k":1}'].map((text) => Buffer.from(text));
  expect(keyLines(messages, ['k'])).toBe('"a\\nb"\n\n1\n');
});
