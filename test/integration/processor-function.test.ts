import { expect, test } from 'vitest';
import type { Context, Failure, Message } from '../../src/index.js';
import { keysOf } from '../../src/redis/keys.js';
import { makeGroup } from '../helpers/library.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

test('a processor function gets the message and its context; what it returns is the result', async () => {
  const seen: [Message, Context][] = [];
  const { group, publish, results, space, raw } = makeGroup(redis.namespace(), {
    processor: async (message, context) => {
      seen.push([message, context]);
      return { was: message.message_id, attempt: context.attempt };
    },
  });
  await group.start();
  await publish({ message_id: 'a', deep: { er: [1] } });
  await until(async () => (await results()).length === 1);
  expect(await results()).toEqual([{ was: 'a', attempt: 1 }]);
  const [message, context] = seen[0] as [Message, Context];
  expect(message).toEqual({ message_id: 'a', deep: { er: [1] } });
  const [, flat] = (await raw.xrange(space.output, '-', '+'))[0] as [string, string[]];
  expect([context.consumerId, context.inboxId]).toEqual([flat[3], flat[5]]);
  expect(context.signal.aborted).toBe(false);
});

test('a processor function may fail, return no JSON, give up, or never end: the rest goes on', async () => {
  const failures: Failure[] = [];
  const { group, publish, results, raw } = makeGroup(redis.namespace(), {
    maxAttempts: 2,
    backoff: '10ms',
    timeout: '100ms',
    processor: (message, { attempt, deadLetter }) => {
      if (message.message_id === 'throws') throw new TypeError('no');
      if (message.message_id === 'recovers' && attempt === 1) return Promise.reject(new Error('once'));
      if (message.message_id === 'no-json') return () => {};
      if (message.message_id === 'hangs') return new Promise(() => {});
      if (message.message_id === 'given-up') return deadLetter('not today');
      return message.message_id;
    },
  });
  group.on('failure', (failure) => failures.push(failure));
  await group.start();
  await publish('no json at all', { id: 'nameless' });
  for (const id of ['throws', 'recovers', 'no-json', 'hangs', 'given-up', 'fine'])
    await publish({ message_id: id });
  await until(async () => {
    const { counters, backlog } = await group.status();
    return counters.relayed === 8 && backlog === 0;
  });
  expect((await results()).sort()).toEqual(['fine', 'recovers']);
  const { dead } = keysOf(group.settings);
  const letters = (await raw.xrange(dead, '-', '+')).map(([, flat]) => [flat[3], flat[5], flat[7]]);
  expect(letters).toHaveLength(6);
  expect(letters).toEqual(
    expect.arrayContaining([
      ['failed', 'TypeError: no', '2'],
      ['failed', 'not today', '1'],
      ['failed', expect.stringContaining('no JSON'), '2'],
      ['invalid-json', expect.any(String), '0'],
      ['no-message-id', expect.any(String), '0'],
      ['timeout', expect.stringContaining('100'), '2'],
    ]),
  );
  expect(failures.filter((failure) => failure.dead)).toHaveLength(6);
  expect(failures.filter((failure) => !failure.dead).map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
});

test.each([
  [
    'a generator',
    function* (message: Message) {
      yield message;
    },
  ],
  [
    'a class',
    class {
      readonly handled = 1;
    } as unknown as () => unknown,
  ],
])('%s is no processor function: the start is refused', async (kind, processor) => {
  const { group } = makeGroup(redis.namespace(), { processor });
  await expect(group.start()).rejects.toMatchObject({
    code: 'PROCESSOR',
    message: expect.stringContaining(`the processor is ${kind}`),
  });
});
