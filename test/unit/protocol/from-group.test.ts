import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memberText } from '../../../src/core/json-member.js';
import { parseFromGroup, processLine, type WorkerDelivery } from '../../../src/protocol/from-group.js';
import {
  INVALID_PARAMS,
  METHOD_NOT_FOUND,
  notificationLine,
  requestLine,
} from '../../../src/protocol/rpc.js';

const delivery = (message: string, rest: Partial<WorkerDelivery> = {}): WorkerDelivery => ({
  deliveryId: 'p/1',
  message,
  attempt: 1,
  deadline: 60_000,
  consumerId: 'p-1',
  inboxId: '1-0',
  traceparent: undefined,
  ...rest,
});

/** What different languages take for the end of a line. */
const ANY_BREAK = /[\n\r\u0085\u2028\u2029]/;

describe('the line of process', () => {
  it('is one line in any language, and has the same message', () => {
    const text = fc.string({ unit: 'binary' });
    const odd = fc.constantFrom(
      '\u2028',
      '\u2029',
      '\u0085',
      '\n',
      '\r',
      '"',
      '\\',
      '\\u2028',
      '\u0000',
      '😀',
    );
    const texts = fc.array(fc.oneof(text, odd), { maxLength: 8 }).map((parts) => parts.join(''));
    const message = fc.dictionary(texts, fc.oneof(texts, fc.jsonValue()));
    fc.assert(
      fc.property(message, fc.constantFrom('', '\n', '\r\n', ' \t\n'), (value, indent) => {
        const published = JSON.stringify(value, null, 1).replaceAll('\n', indent);
        const line = processLine(delivery(published));
        expect(line).not.toMatch(ANY_BREAK);
        const { params } = JSON.parse(line) as { params: { message: unknown } };
        expect(params.message).toEqual(JSON.parse(published));
        expect(parseFromGroup(line)).toMatchObject({ kind: 'process' });
      }),
    );
  });

  it.each([
    '{"message_id":12345678901234567890,"a":1.10,"b":1e400}',
    '{ "message_id": "x", "message_id": "y" }',
    '{"message_id":"x","a":"\\ud800","__proto__":{"b":1}}',
  ])('has the message as it was published: %s', (published) => {
    const params = memberText(processLine(delivery(published)), 'params') as string;
    expect(memberText(params, 'message')).toBe(published);
  });

  it('has all that the worker must know', () => {
    const line = processLine(
      delivery('{"message_id":"x"}', { attempt: 3, deadline: 99.2, traceparent: '00-ab-cd-01' }),
    );
    expect(JSON.parse(line)).toEqual({
      jsonrpc: '2.0',
      id: 'p/1',
      method: 'process',
      params: {
        delivery_id: 'p/1',
        message: { message_id: 'x' },
        attempt: 3,
        deadline_ms: 100,
        consumer_id: 'p-1',
        inbox_id: '1-0',
        traceparent: '00-ab-cd-01',
      },
    });
    expect(line).not.toBe(processLine(delivery('{"message_id":"x"}')));
    expect(processLine(delivery('{"message_id":"x"}'))).not.toContain('traceparent');
  });
});

describe('what a worker reads', () => {
  it('has all members of the message, __proto__ too', () => {
    const message = '{"message_id":"x","__proto__":{"a":1},"constructor":2}';
    const read = parseFromGroup(processLine(delivery(message)));
    if (read.kind !== 'process') throw new Error(read.kind);
    expect(read.delivery.message).toBe(message);
  });

  it('survives a message that is nested a million times', () => {
    const deep = '['.repeat(1e6) + ']'.repeat(1e6);
    expect(parseFromGroup(processLine(delivery(`{"message_id":"x","a":${deep}}`))).kind).toBe('process');
  });

  it('cancel has a reason, or a word in its place', () => {
    const params = { delivery_id: 'p/1' };
    const cancel = { kind: 'cancel', deliveryId: 'p/1' };
    expect(parseFromGroup(notificationLine('cancel', { ...params, reason: 'late: 3 ms' }))).toEqual({
      ...cancel,
      reason: 'late: 3 ms',
    });
    expect(parseFromGroup(notificationLine('cancel', params))).toEqual({ ...cancel, reason: 'cancelled' });
  });

  it.each([
    ['process', { delivery_id: 'a', message: [] }, 'process: "params.message" must be an object, got a list'],
    ['process', { delivery_id: 'a' }, 'process: "params.message" is missing'],
    ['cancel', {}, 'cancel: "params.delivery_id" is missing'],
  ])('%s with wrong params: %j', (method, params, error) => {
    expect(parseFromGroup(requestLine('a', method, params))).toEqual({
      kind: 'invalid',
      id: 'a',
      code: INVALID_PARAMS,
      error,
    });
  });

  it('names the methods that exist', () => {
    expect(parseFromGroup(requestLine(5, 'x', {}))).toEqual({
      kind: 'invalid',
      id: 5,
      code: METHOD_NOT_FOUND,
      error: 'there is no method "x"; there are process, cancel, quiet',
    });
  });

  it('has replies as they are', () => {
    expect(parseFromGroup('{"jsonrpc":"2.0","id":1,"result":true}')).toEqual({
      kind: 'result',
      id: 1,
      result: true,
    });
  });
});
