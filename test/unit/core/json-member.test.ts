import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memberText } from '../../../src/core/json-member.js';

describe('the text of a member', () => {
  it.each([
    ['{"a":1}', '1'],
    [' { "b" : [1, {"a":2}] , "a" : { "b" : [ ] } } ', '{ "b" : [ ] }'],
    ['{"a":12345678901234567890.10}', '12345678901234567890.10'],
    ['{"a":1e400}', '1e400'],
    ['{"\\u0061":-0}', '-0'],
    ['{"a":1,"a":2}', '2'],
    ['{"b":"a","c":"\\"a\\":3","a":"}\\\\"}', '"}\\\\"'],
    ['{"a":null\r\n}', 'null'],
    ['{"b":{"a":1}}', undefined],
    ['{}', undefined],
    ['["a"]', undefined],
  ])('%j has %s', (text, expected) => {
    expect(memberText(text, 'a')).toBe(expected);
  });

  it('is found by the name __proto__ too', () => {
    expect(memberText('{"a":0,"__proto__":{"b":1}}', '__proto__')).toBe('{"b":1}');
  });

  it('is found in text nested a million times', () => {
    const deep = '['.repeat(1e6) + ']'.repeat(1e6);
    expect(memberText(`{"b":${deep},"a":${deep}}`, 'a')).toHaveLength(2e6);
  });

  it('has the value of the member, for any object with any blanks', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.string({ unit: 'binary' }),
        fc.jsonValue(),
        fc.constantFrom('', '  ', '\t'),
        (others, name, value, indent) => {
          const text = JSON.stringify({ ...others, [name]: value, z: 0 }, null, indent);
          const found = memberText(text, name);
          expect(found).toBeDefined();
          const whole = JSON.parse(text) as Record<string, unknown>;
          expect(JSON.parse(found as string)).toEqual(Object.getOwnPropertyDescriptor(whole, name)?.value);
        },
      ),
    );
  });
});
