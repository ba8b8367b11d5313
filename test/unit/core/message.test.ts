import fc from 'fast-check';
import { LosslessNumber, parse as parseLossless } from 'lossless-json';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../src/core/message.js';

const parse = (text: string) => parseMessage(Buffer.from(text));
/** The id of a valid message. */
function idOf(text: string): string {
  const parsed = parse(text);
  if (!parsed.valid) throw new Error(`${parsed.reason}: ${parsed.error}`);
  return parsed.messageId;
}

describe('a message', () => {
  it('is a JSON object with an id, given as it is', () => {
    expect(parse('{"message_id":"m-1","n":[1,{"a":null}]}')).toEqual({
      valid: true,
      messageId: 'm-1',
      message: { message_id: 'm-1', n: [1, { a: null }] },
    });
  });

  it.each([
    ['a number', '{"message_id":42}', '42'],
    ['zero', '{"message_id":0}', '0'],
    ['no text at all', '{"message_id":""}', ''],
    ['any characters', '{"message_id":"\\u00e9 \\n😀"}', 'é \n😀'],
    ['written with escapes', '{"\\u006dessage_id":"x"}', 'x'],
    ['the last of two', '{"message_id":"x","message_id":"y"}', 'y'],
    ['among blanks', ' \n{ "message_id" : 7 }\t', '7'],
  ])('may have an id that is %s', (_name, text, id) => {
    expect(idOf(text)).toBe(id);
  });

  it.each([
    ['9007199254740993', '9007199254740993'],
    ['9007199254740992', '9007199254740992'],
    ['-12345678901234567890', '-12345678901234567890'],
    ['1.50', '1.50'],
    ['1e30', '1e30'],
    ['1e400', '1e400'],
  ])('keeps the id %s as it was written', (number, id) => {
    expect(idOf(`{"a":{"message_id":9.5},"message_id":${number},"b":1}`)).toBe(id);
  });

  it('keeps the last id as it was written, if there are two, and other names may be duplicates, too', () => {
    expect(idOf('{"message_id":1.25,"a":1,"a":2,"message_id":9007199254740993}')).toBe('9007199254740993');
  });

  it.each([
    ['', 'invalid-json', 'the message is empty'],
    ['no json', 'invalid-json', /JSON/],
    ['{"message_id":1', 'invalid-json', /JSON/],
    ["{'message_id':1}", 'invalid-json', /JSON/],
    ['\ufeff{"message_id":1}', 'invalid-json', /JSON/],
    ['5', 'no-message-id', 'the message is a number, not an object with a message_id'],
    ['"text"', 'no-message-id', 'the message is a string, not an object with a message_id'],
    ['null', 'no-message-id', 'the message is null, not an object with a message_id'],
    ['[{"message_id":1}]', 'no-message-id', 'the message is an array, not an object with a message_id'],
    ['{}', 'no-message-id', 'the message has no message_id'],
    ['{"Message_id":1}', 'no-message-id', 'the message has no message_id'],
    ['{"__proto__":{"message_id":1}}', 'no-message-id', 'the message has no message_id'],
    ['{"message_id":null}', 'no-message-id', 'message_id is null, not a string or a number'],
    ['{"message_id":true}', 'no-message-id', 'message_id is a boolean, not a string or a number'],
    ['{"message_id":[1]}', 'no-message-id', 'message_id is an array, not a string or a number'],
    ['{"message_id":{}}', 'no-message-id', 'message_id is an object, not a string or a number'],
  ])('%j is invalid', (text, reason, error) => {
    expect(parse(text)).toEqual({
      valid: false,
      reason,
      error: typeof error === 'string' ? error : expect.stringMatching(error),
    });
  });

  it('is invalid if its bytes are not UTF-8: decoding would change them', () => {
    const bytes = Buffer.from('{"message_id":"\xff"}', 'latin1');
    expect(parseMessage(bytes)).toEqual({
      valid: false,
      reason: 'invalid-json',
      error: 'the message is not valid UTF-8',
    });
  });

  it.each([
    ['{"a":"\\\\","message_id":2.50,"b":"message_id\\\\\\":1"}', '2.50'],
    ['{"a":[{"message_id":8.5},["}","{"]],"\\u006dessage_id" : -0.50 ,"b":{}}', '-0.50'],
    ['{"message_id":3.5,"b":"message_id","c":[":",7.5]}', '3.5'],
  ])('keeps the id of %s as it was written, whatever stands beside it', (text, id) => {
    expect(idOf(text)).toBe(id);
  });

  // If parsing a message could throw, that message would end one consumer after the other.
  it.each(['1', '1.5', '"x"'])('with the id %s is parsed, however deep it is nested', (id) => {
    const depth = 100_000;
    const text = `{"message_id":${id},"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(idOf(text)).toBe(String(JSON.parse(id)));
  });
});

describe('any bytes', () => {
  /** Nearly messages: shuffled pieces of JSON, with ids of all kinds. */
  const pieces = fc
    .array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '\\',
        '"message_id"',
        '"a"',
        '1',
        '-1e999',
        '1.5',
        'null',
      ),
      { maxLength: 20 },
    )
    .map((parts) => Buffer.from(parts.join('')));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
    fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)),
    fc.json().map((json) => Buffer.from(json)),
    pieces,
  );

  it('are a message, or invalid for a reason', () => {
    fc.assert(
      fc.property(bytes, (message) => {
        const parsed = parseMessage(message);
        if (parsed.valid) expect(parsed.message).toEqual(JSON.parse(message.toString()));
        else expect(parsed.error).not.toBe('');
      }),
    );
  });

  it('that are an object with an id are a message with this id', () => {
    const id = fc.oneof(fc.string({ unit: 'binary' }), fc.integer());
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), id, (rest, message_id) => {
        expect(idOf(JSON.stringify({ ...rest, message_id }))).toBe(String(message_id));
      }),
    );
  });

  it('that are an object with a number for an id keep it as it was written, if a double cannot hold it', () => {
    const digits = fc.stringMatching(/^-?[1-9]\d{0,30}(\.\d{1,20})?([eE][+-]?\d{1,3})?$/);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), digits, (rest, number) => {
        delete rest.message_id;
        const text = JSON.stringify({ ...rest, message_id: '?' }).replace(/"\?"\}$/, `${number}}`);
        const exact = (parseLossless(text) as { message_id: unknown }).message_id;
        if (!(exact instanceof LosslessNumber)) throw new Error('no number');
        if (Number.isSafeInteger(Number(number))) expect(idOf(text)).toBe(String(Number(number)));
        else expect(idOf(text)).toBe(exact.value);
      }),
    );
  });
});
