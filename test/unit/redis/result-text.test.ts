import { expect, test } from 'vitest';
import { parkedResult, placeOf, resultText } from '../../../src/redis/result-text.js';

const result = {
  inboxId: '12-3',
  consumerId: 'a "b" \\',
  messageId: 'm"}],"data":\\ ü\u2028',
  data: '{"inbox_id":"1-1","data":[{}],"published_at":1,"started_at":2,"finished_at":3}',
  attempts: 4,
  startedAt: 13,
  finishedAt: 14,
};

const parked = (text: string) => parkedResult(Buffer.from(`${placeOf('12-3')}\0${text}`));

test.each([true, false])('a result with its times can be read from its text (list: %s)', (list) => {
  expect(parked(resultText(result, list, true))).toEqual(result);
});

test.each([true, false])('a result without times can be read from its text (list: %s)', (list) => {
  const { attempts, startedAt, finishedAt, ...rest } = result;
  expect(parked(resultText(result, list, false))).toEqual(rest);
});

test.each([
  '',
  'x',
  'a\0\0\0line\0{}',
  'a\0\0\0line\0{"message_id":"m"}',
  'a\0\0\0entry\0id\0\0\x001\0md',
  'a\0\0\0entry\x001-1\0\0\0x\0md',
  'a\0\0\0other\0',
])('%j is no result', (text) => {
  expect(parked(text)).toBeUndefined();
});
