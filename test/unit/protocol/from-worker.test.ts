import fc from 'fast-check';
import { parse as parseLossless, stringify as stringifyLossless } from 'lossless-json';
import { describe, expect, it } from 'vitest';
import { answerLine, failureLine, parseFromWorker } from '../../../src/protocol/from-worker.js';
import {
  errorLine,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  notificationLine,
  requestLine,
  resultLine,
} from '../../../src/protocol/rpc.js';

/** JSON.stringify takes a few thousand levels. */
const DEEP = '['.repeat(1e5) + ']'.repeat(1e5);

describe('an answer', () => {
  it('has the result that the worker sent, for any JSON', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.jsonValue(), (deliveryId, value) => {
        const result = JSON.stringify(value);
        const expected = { kind: 'answer', deliveryId, result };
        expect(parseFromWorker(resultLine(deliveryId, value))).toEqual(expected);
      }),
    );
  });

  it.each([
    '12345678901234567890',
    '123456789.123456789',
    '1e400',
    '[0.1000000000000000055, -0, 1.0, 1E5]',
    '{"__proto__": {"a": 1}, "constructor": 2}',
    '{"a":1,"a":2}',
    '"\\ud800"',
  ])('keeps the result as it is written: %s', (result) => {
    const text = `{ "result" : ${result} , "jsonrpc": "2.0", "id": "p/1" }`;
    expect(parseFromWorker(text)).toEqual({ kind: 'answer', deliveryId: 'p/1', result });
  });

  it('is read as it was written by answerLine', () => {
    const result = '{"a": 12345678901234567890}';
    expect(parseFromWorker(answerLine('p/"1"', result))).toEqual({
      kind: 'answer',
      deliveryId: 'p/"1"',
      result,
    });
  });

  it('may be nested a million times', () => {
    const result = '['.repeat(1e6) + ']'.repeat(1e6);
    const answer = parseFromWorker(`{"jsonrpc":"2.0","id":"p/1","result":${result}}`);
    // Not toEqual: a difference of 2 MB takes minutes to show.
    expect(answer.kind === 'answer' && answer.result === result).toBe(true);
  });

  it('keeps all numbers of any object', () => {
    const digits = fc.stringMatching(/^-?[1-9]\d{0,40}(\.\d{1,40})?(e[+-]?\d{1,5})?$/);
    fc.assert(
      fc.property(fc.dictionary(fc.string(), digits), (numbers) => {
        const members = Object.entries(numbers).map(([name, number]) => `${JSON.stringify(name)}:${number}`);
        const result = `{${members.join(',')}}`;
        const answer = parseFromWorker(`{"jsonrpc":"2.0","id":"a","result":${result}}`);
        const found = (answer as { result: string }).result;
        expect(stringifyLossless(parseLossless(found))).toBe(stringifyLossless(parseLossless(result)));
      }),
    );
  });

  it('may name the delivery by a number', () => {
    expect(parseFromWorker(resultLine(17, null))).toEqual({
      kind: 'answer',
      deliveryId: '17',
      result: 'null',
    });
  });

  it.each([resultLine(null, 1), '{"jsonrpc":"2.0","result":1}'])('needs an id: %s', (text) => {
    const error = 'a result without the "id" of a delivery';
    expect(parseFromWorker(text)).toEqual({ kind: 'invalid', id: null, code: INVALID_REQUEST, error });
  });
});

describe('a failure', () => {
  const failure = (error: unknown) => parseFromWorker(JSON.stringify({ jsonrpc: '2.0', id: 'p/1', error }));

  it.each([
    [{ code: -32_000, message: 'no such order' }, 'no such order', false, undefined],
    [{ code: 1, message: 'x', data: { dead: true } }, 'x', true, undefined],
    [{ code: 1, message: 'x', data: { retry_after_ms: 1_500 } }, 'x', false, 1_500],
    // Not as the schema wants it: what can be understood still counts.
    [{ message: 'no code' }, 'no code', false, undefined],
    [{ code: 1, message: 'x', data: { dead: true, retry_after_ms: '5' } }, 'x', true, undefined],
    [{ code: 1, message: 'x', data: { retry_after_ms: 0.5 } }, 'x', false, 1],
    [{ code: 1, message: 'x', data: { retry_after_ms: -1, dead: 'yes' } }, 'x', false, undefined],
    [{ code: 1, message: 'x', data: null }, 'x', false, undefined],
    ['boom', 'boom', false, undefined],
    [{ code: 1 }, '{"code":1}', false, undefined],
    [17, '17', false, undefined],
    [[], '[]', false, undefined],
  ])('%j', (error, text, dead, retryAfter) => {
    expect(failure(error)).toEqual({ kind: 'failure', deliveryId: 'p/1', error: text, dead, retryAfter });
  });

  it('is read as it was written by failureLine', () => {
    for (const rest of [
      { dead: true, retryAfter: undefined },
      { dead: false, retryAfter: 5 },
    ]) {
      const written = { error: 'x', ...rest };
      expect(parseFromWorker(failureLine('p/1', written))).toEqual({
        kind: 'failure',
        deliveryId: 'p/1',
        ...written,
      });
    }
  });

  it('stays one if its error is nested 100,000 times', () => {
    expect(parseFromWorker(`{"jsonrpc":"2.0","id":"p/1","error":${DEEP}}`)).toMatchObject({
      kind: 'failure',
      error: expect.stringContaining('too deeply'),
    });
  });

  it('without an id says that the worker could not read a message', () => {
    expect(parseFromWorker(errorLine(null, -32_700, `no JSON${'!'.repeat(1e6)}`))).toMatchObject({
      kind: 'invalid',
      id: null,
      error: expect.stringMatching(/^the worker says: no JSON!{900,1000}… \(\d+ characters\)$/),
    });
  });
});

describe('a method', () => {
  const hello = { name: 'w', protocol: 1 };

  it('hello has defaults', () => {
    expect(parseFromWorker(requestLine(1, 'hello', { ...hello, later: true }))).toMatchObject({
      kind: 'hello',
      id: 1,
      hello: { name: 'w', concurrency: 1, protocol: 1, holds: [] },
    });
  });

  it('extend may be a request or a notification', () => {
    const params = { delivery_id: 'p/1', ms: 5_000 };
    const extend = { kind: 'extend', deliveryId: 'p/1', ms: 5_000 };
    expect(parseFromWorker(requestLine('e', 'extend', params))).toEqual({ ...extend, id: 'e' });
    expect(parseFromWorker(notificationLine('extend', params))).toEqual({ ...extend, id: undefined });
  });

  it('log and quiet are notifications', () => {
    const log = { level: 'warn', msg: 'slow' };
    expect(parseFromWorker(notificationLine('log', log))).toEqual({ kind: 'log', ...log });
    expect(parseFromWorker('{"jsonrpc":"2.0","method":"quiet"}')).toEqual({ kind: 'quiet' });
  });

  it('a line for the log is cut', () => {
    const line = parseFromWorker(notificationLine('log', { level: 'info', msg: 'x'.repeat(1e6) }));
    expect((line as { msg: string }).msg.length).toBeLessThan(9_000);
  });

  it.each([
    ['hello', { protocol: 1 }, 'hello: "params.name" is missing'],
    [
      'hello',
      { ...hello, name: 'a b' },
      'hello: "params.name" must be 1 to 64 letters, digits, _ . -, got "a b"',
    ],
    [
      'hello',
      { ...hello, protocol: 2 },
      'hello: "params.protocol" must be 1: this side speaks no other version, got 2',
    ],
    ['hello', { ...hello, concurrency: 0 }, 'hello: "params.concurrency" must be at least 1, got 0'],
    [
      'hello',
      { ...hello, concurrency: 10_001 },
      'hello: "params.concurrency" must be at most 10000, got 10001',
    ],
    ['hello', { ...hello, concurrency: 1.5 }, 'hello: "params.concurrency" must be a whole number, got 1.5'],
    ['hello', { ...hello, holds: 'p/1' }, 'hello: "params.holds" must be a list, got "p/1"'],
    ['hello', { ...hello, holds: ['a', 7] }, 'hello: "params.holds.1" must be a text, got 7'],
    ['hello', { ...hello, holds: [''] }, 'hello: "params.holds.0" must not be empty, got ""'],
    [
      'hello',
      { ...hello, holds: Array(10_001).fill('a') },
      'hello: "params.holds" must have at most 10000 entries, got a list',
    ],
    ['hello', ['w', 1, 1], 'hello: "params" must be an object, got a list'],
    ['extend', undefined, 'extend: "params" is missing'],
    [
      'extend',
      { delivery_id: 'i'.repeat(201), ms: 1 },
      /must have at most 200 characters, got "i+… \(201 characters\)"$/,
    ],
    ['extend', { delivery_id: 'a', ms: '5' }, 'extend: "params.ms" must be a number, got "5"'],
    [
      'log',
      { level: 'fatal', msg: '' },
      'log: "params.level" must be "debug" or "info" or "warn" or "error", got "fatal"',
    ],
    ['log', { level: 'info', msg: {} }, 'log: "params.msg" must be a text, got an object'],
  ])('%s with wrong params is answered with what is wrong: %j', (method, params, error) => {
    expect(parseFromWorker(JSON.stringify({ jsonrpc: '2.0', id: 3, method, params }))).toEqual({
      kind: 'invalid',
      id: 3,
      code: INVALID_PARAMS,
      error: typeof error === 'string' ? error : expect.stringMatching(error),
    });
  });

  it('a number beyond all bounds is shown as it was understood', () => {
    const text = '{"jsonrpc":"2.0","method":"extend","params":{"delivery_id":"a","ms":1e999}}';
    expect(parseFromWorker(text)).toMatchObject({
      error: 'extend: "params.ms" must be a number, got Infinity',
    });
  });

  it('hello needs an id, for its reply', () => {
    expect(parseFromWorker(notificationLine('hello', hello))).toMatchObject({
      kind: 'invalid',
      error: 'hello must be a request: give it an "id"',
    });
  });

  it('that does not exist is refused with a short error, however long it is', () => {
    const answer = parseFromWorker(notificationLine('m'.repeat(1e6), {}));
    expect(answer).toMatchObject({ kind: 'invalid', id: undefined, code: METHOD_NOT_FOUND });
    expect((answer as { error: string }).error).toMatch(
      /^there is no method "m{100}….{20,40}; there are hello, /,
    );
  });

  it.each(['hello', 'extend', 'log', 'quiet', 'later'])('%s with params nested 100,000 times', (method) => {
    const text = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{"name":${DEEP},"delivery_id":${DEEP}}}`;
    expect(parseFromWorker(text).kind).toBe(method === 'quiet' ? 'quiet' : 'invalid');
  });
});

it('no text is an exception', () => {
  const value = fc.jsonValue();
  const message = fc
    .record(
      {
        jsonrpc: fc.constant('2.0'),
        id: value,
        method: fc.constantFrom('hello', 'extend', 'log', 'quiet', 'x'),
        params: fc.oneof(
          value,
          fc.record({ name: value, concurrency: value, holds: value, delivery_id: value, ms: value }),
        ),
        result: value,
        error: value,
      },
      { requiredKeys: [] },
    )
    .map((fields) => JSON.stringify(fields));
  fc.assert(
    fc.property(fc.oneof(message, fc.string({ unit: 'binary' })), (text) => {
      expect(parseFromWorker(text)).toHaveProperty('kind');
    }),
  );
});
