import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  errorLine,
  INVALID_REQUEST,
  notificationLine,
  PARSE_ERROR,
  parseRpc,
  requestLine,
  resultLine,
} from '../../../src/protocol/rpc.js';

const id = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.maxSafeInteger());
/** JSON has no -0. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('a message that was written', () => {
  it('is read again: a request, a notification, a result, an error', () => {
    fc.assert(
      fc.property(id, fc.string(), fc.dictionary(fc.string(), json), json, (anId, method, params, result) => {
        expect(parseRpc(requestLine(anId, method, params))).toEqual({
          kind: 'request',
          id: anId,
          method,
          params,
        });
        expect(parseRpc(notificationLine(method, params))).toEqual({
          kind: 'request',
          id: undefined,
          method,
          params,
        });
        expect(parseRpc(resultLine(anId, result))).toEqual({ kind: 'result', id: anId, result });
        expect(parseRpc(errorLine(anId, -1, method, params))).toEqual({
          kind: 'error',
          id: anId,
          error: { code: -1, message: method, data: params },
        });
      }),
    );
  });
});

describe('what is no message', () => {
  it.each([
    ['', PARSE_ERROR, null, /^this is not JSON: /],
    ['hello', PARSE_ERROR, null, /^this is not JSON: /],
    ['{"jsonrpc":"2.0",', PARSE_ERROR, null, /^this is not JSON: /],
    ['null', INVALID_REQUEST, null, /a JSON object/],
    ['"process"', INVALID_REQUEST, null, /a JSON object/],
    ['[]', INVALID_REQUEST, null, /one message at a time/],
    ['{"id":"a","result":1}', INVALID_REQUEST, 'a', /"jsonrpc":"2.0"/],
    ['{"jsonrpc":2.0,"id":1,"result":1}', INVALID_REQUEST, 1, /"jsonrpc":"2.0"/],
    ['{"jsonrpc":"2.0","id":"a"}', INVALID_REQUEST, 'a', /"method", "result" or "error"/],
    ['{"jsonrpc":"2.0","id":"a","error":null}', INVALID_REQUEST, 'a', /"method", "result" or "error"/],
    ['{"jsonrpc":"2.0","id":"a","method":7}', INVALID_REQUEST, 'a', /"method" must be a text/],
    ['{"jsonrpc":"2.0","id":{},"result":1}', INVALID_REQUEST, null, /"id" must be a text of at most 200/],
    ['{"jsonrpc":"2.0","id":1.5,"result":1}', INVALID_REQUEST, null, /a whole number up to 2\^53/],
    ['{"jsonrpc":"2.0","id":9007199254740993,"method":"x"}', INVALID_REQUEST, null, /whole number/],
    ['{"jsonrpc":"2.0","id":1e999,"method":"x"}', INVALID_REQUEST, null, /whole number/],
    [
      `{"jsonrpc":"2.0","id":"${'i'.repeat(201)}","result":1}`,
      INVALID_REQUEST,
      null,
      /at most 200 characters/,
    ],
  ])('%.60s is answered with an error that says why', (text, code, ownId, error) => {
    expect(parseRpc(text)).toEqual({ kind: 'invalid', id: ownId, code, error: expect.stringMatching(error) });
  });

  it('is never an exception, whatever the text is', () => {
    // An object may have a toString of its own, which is no function.
    const asText = (value: unknown) => (value instanceof Object ? '[object Object]' : String(value));
    const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.json(), json.map(asText));
    const message = fc
      .record(
        { jsonrpc: fc.constant('2.0'), id: json, method: json, params: json, result: json, error: json },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.oneof(anything, message), (text) => {
        expect(parseRpc(text)).toHaveProperty('kind');
      }),
    );
  });
});

it('the id null means a notification, as in JSON-RPC 1.0', () => {
  expect(parseRpc('{"jsonrpc":"2.0","id":null,"method":"quiet"}')).toMatchObject({ id: undefined });
});

it('the error null beside a result means no error, as in JSON-RPC 1.0', () => {
  expect(parseRpc('{"jsonrpc":"2.0","id":1,"result":null,"error":null}')).toMatchObject({ kind: 'result' });
});

it('members that are inherited do not count', () => {
  const text = '{"jsonrpc":"2.0","__proto__":{"method":"quiet"}}';
  expect(parseRpc(text)).toMatchObject({ kind: 'invalid' });
});
