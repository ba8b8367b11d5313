import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { identityIn } from '../../../../src/core/pack.js';
import { repliesTo, transactionOf } from '../../../../src/redis/protocol/transaction.js';
import { TransactionReplies } from '../../../../src/redis/protocol/transaction-replies.js';
import { array, bulk, line } from '../../../helpers/resp.js';

/** The commands in these bytes. */
function commandsIn(bytes: Buffer): string[][] {
  const commands: string[][] = [];
  let at = 0;
  const number = (sign: string) => {
    const end = bytes.indexOf('\r\n', at);
    const text = bytes.toString('latin1', at, end);
    if (text[0] !== sign || !/^(0|[1-9]\d*)$/.test(text.slice(1))) throw new Error(`${text} at ${at}`);
    at = end + 2;
    return Number(text.slice(1));
  };
  while (at < bytes.length)
    commands.push(
      Array.from({ length: number('*') }, () => {
        const end = number('$') + at;
        const text = bytes.toString('utf8', at, end);
        if (bytes.toString('latin1', end, end + 2) !== '\r\n') throw new Error(`no end at ${end}`);
        at = end + 2;
        return text;
      }),
    );
  return commands;
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ maxLength: 60 }),
  fc.constantFrom('', '\r\n', '\0', '$3\r\n', 'é', '中', '👍', 'x'.repeat(3_000)),
);
const keys = { packs: 'cgroup:{ö}:packs', output: 'ö', open: 'cgroup:{ö}:open:1' };

describe('the commands of a transaction', () => {
  it('are one XADD for each result but the first, between those that make it safe', () => {
    const pack = fc.tuple(fc.integer({ min: 1000, max: 5_000 }), fc.integer({ min: 2, max: 250 }), text);
    const packs = fc.array(pack, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(packs, fc.array(text, { minLength: 1, maxLength: 20 }), (some, texts) => {
        const all = some.map(([block, count, consumerId]) => ({
          id: `1795952106119-${block * 1_000 + count}`,
          consumerId,
          texts: Array.from({ length: 2 * count }, (_, i) => texts[i % texts.length] as string),
        }));
        const script = ['EVALSHA', 'f'.repeat(40), 1, 'key', 'é'];
        const bytes = transactionOf({ script, packs: all, keys });
        const replies = repliesTo(all);
        const last = '18446744073709551615-18446744073709551615';
        const results = all.flatMap(({ id, consumerId, texts }) =>
          Array.from({ length: texts.length / 2 }, (_, i) => [
            ...['XADD', keys.open, 'NOMKSTREAM', '*', 'message_id', texts[2 * i], 'consumer_id', consumerId],
            ...['inbox_id', identityIn(id, i + 1), 'data', texts[2 * i + 1]],
          ]),
        );
        const commands = commandsIn(bytes);
        expect(commands).toEqual([
          ['MULTI'],
          ['XREAD', 'BLOCK', '0', 'STREAMS', keys.packs, last],
          script.map(String),
          ...results.slice(1),
          ['RENAMENX', keys.open, keys.output],
          ['EXEC'],
        ]);
        expect(replies).toBe(commands.length);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the replies to a transaction', () => {
  const nil = line('$-1');
  const noKey = line('-ERR no such key');
  const exec = (...ofCommands: Buffer[]) => array(line('*-1'), ...ofCommands);
  const settled = exec(line(':1'), bulk('1-1'), bulk('1-2'), line(':1'));

  /** Reads the replies to a transaction with three results. */
  function read(...replies: Buffer[]) {
    let stuck = 0;
    const reader = new TransactionReplies(7, () => stuck++);
    let thrown: unknown;
    // The reply is not at the beginning of what came, nor at its end.
    for (const reply of replies)
      try {
        reader.take(Buffer.concat([Buffer.from('\r\n'), reply, Buffer.from('-ERR')]), 2);
      } catch (error) {
        thrown = error;
      }
    return { isSettled: reader.isSettled, stuck, refusal: reader.refusal?.message, thrown };
  }
  const [ok, queued] = [line('+OK'), line('+QUEUED')];
  const begun = [ok, ...Array(5).fill(queued)] as Buffer[];

  it.each([
    ['settled', settled, { isSettled: true, thrown: undefined }],
    ['not by it', exec(line(':0'), nil, nil, noKey), { isSettled: false, thrown: undefined }],
    [
      'refused by the script',
      exec(line('-KEYTYPE a'), nil, nil, noKey),
      { isSettled: false, thrown: { message: 'KEYTYPE a' } },
    ],
    [
      'not all written',
      exec(line(':1'), bulk('1-1'), nil, line(':1')),
      { isSettled: false, thrown: { code: 'REDIS_REFUSED' } },
    ],
    [
      'one refused',
      exec(line(':1'), line('-OOM'), bulk('1-2'), line(':1')),
      { thrown: { code: 'REDIS_REFUSED', message: expect.stringContaining('OOM') } },
    ],
    [
      'not given back its name',
      exec(line(':1'), bulk('1-1'), bulk('1-2'), line(':0')),
      { thrown: { code: 'REDIS_REFUSED' } },
    ],
  ])('say that it is %s', (_, reply, expected) => {
    expect(read(...begun, reply)).toMatchObject({ ...expected, stuck: 0, refusal: undefined });
  });

  it('say why it was refused: the first error counts', () => {
    const replies = [ok, queued, line('-NOPERM x'), queued, line('-ERR y'), queued];
    const { thrown, ...rest } = read(...replies, line('-EXECABORT z'));
    expect(rest).toEqual({ isSettled: false, stuck: 0, refusal: 'NOPERM x' });
    expect(thrown).toMatchObject({ name: 'ReplyError', message: 'NOPERM x' });
  });

  it('show a connection that waits for ever, or is still within the transaction', () => {
    expect(read(line('-NOPERM multi'))).toMatchObject({
      stuck: 1,
      refusal: 'NOPERM multi',
      thrown: undefined,
    });
    expect(read(...begun, line('-ERR unknown command'))).toMatchObject({
      stuck: 1,
      thrown: { name: 'ReplyError' },
    });
  });
});
