import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFromGroup, processLine } from '../../../src/protocol/from-group.js';
import { answerLine, failureLine, parseFromWorker } from '../../../src/protocol/from-worker.js';

const deliveryId = fc.string({ minLength: 1, maxLength: 200 });
const object = fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value));

describe('a line', () => {
  it('of a delivery arrives as it was sent', () => {
    const delivery = fc.record({
      deliveryId,
      message: object,
      attempt: fc.integer({ min: 1 }),
      deadline: fc.nat(),
      consumerId: fc.string(),
      inboxId: fc.nat().map((n) => `${n}-0`),
      traceparent: fc.option(fc.string(), { nil: undefined }),
    });
    fc.assert(
      fc.property(delivery, (sent) => {
        const arrived = parseFromGroup(processLine(sent));
        if (arrived.kind !== 'process') throw new Error(JSON.stringify(arrived));
        expect({ ...arrived.delivery, message: '' }).toEqual({ ...sent, message: '' });
        expect(arrived.delivery.message).toBe(sent.message);
      }),
    );
  });

  it('of an answer arrives as it was sent', () => {
    fc.assert(
      fc.property(deliveryId, fc.json(), (id, result) => {
        const arrived = parseFromWorker(answerLine(id, result));
        if (arrived.kind !== 'answer') throw new Error(JSON.stringify(arrived));
        expect(arrived.deliveryId).toBe(id);
        expect(JSON.parse(arrived.result)).toEqual(JSON.parse(result));
      }),
    );
  });

  it.each([
    { error: 'why', dead: false, retryAfter: undefined },
    { error: '', dead: true, retryAfter: undefined },
    { error: 'later', dead: false, retryAfter: 0 },
    { error: 'later', dead: false, retryAfter: 1_500 },
  ])('of the failure %j arrives as it was sent', (failure) => {
    expect(parseFromWorker(failureLine('p/1', failure))).toEqual({
      kind: 'failure',
      deliveryId: 'p/1',
      ...failure,
    });
  });
});

describe('numbers that JSON.parse rounds', () => {
  const NUMBERS = '{"a":12345678901234567890,"b":[ 1e400,-0.1234567890123456789],"c":{"message":2}}';

  it('stay as they are written', () => {
    const given = processLine({
      deliveryId: 'p/1',
      message: NUMBERS,
      attempt: 1,
      deadline: 1,
      consumerId: 'c',
      inboxId: '1-0',
      traceparent: undefined,
    });
    expect(parseFromGroup(given)).toMatchObject({ delivery: { message: NUMBERS } });
    expect(parseFromWorker(answerLine('p/1', NUMBERS))).toMatchObject({ result: NUMBERS });
  });
});
