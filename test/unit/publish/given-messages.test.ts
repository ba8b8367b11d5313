import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GivenMessages } from '../../../src/publish/given-messages.js';
import { MAX_MESSAGE_BYTES } from '../../../src/publish/sizes.js';

const streamOf = (...chunks: readonly (string | Buffer)[]) =>
  Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

async function all(given: GivenMessages, most = 100): Promise<string[]> {
  const texts: string[] = [];
  for (;;) {
    const batch = await given.take(most);
    if (batch.length === 0) return texts;
    texts.push(...batch.map(({ text }) => text));
  }
}

describe('messages that are given', () => {
  it('come as they are, with their ids', async () => {
    const given = new GivenMessages(
      ['{"message_id":"a"}', ' {"message_id":12345678901234567890, "n":1} '],
      false,
    );
    expect(await given.take(10)).toEqual([
      { id: 'a', text: '{"message_id":"a"}' },
      { id: '12345678901234567890', text: ' {"message_id":12345678901234567890, "n":1} ' },
    ]);
    expect(await given.take(10)).toEqual([]);
    expect(given.invalid).toBe(0);
  });

  it('are the lines of a stream, however it is cut: without their ends, blank ones left out', async () => {
    const line = fc.constantFrom('', 'ä', '"x"', '{"message_id":1}', '🙂🙂');
    await fc.assert(
      fc.asyncProperty(
        fc.array(line),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
        async (lines, end, ends, sizes) => {
          const bytes = Buffer.from(lines.join(end) + (ends ? end : ''));
          const chunks: Buffer[] = [];
          for (let from = 0; from < bytes.length; ) {
            const size = sizes.next().value as number;
            chunks.push(bytes.subarray(from, from + size));
            from += size;
          }
          const given = new GivenMessages(Readable.from(chunks), false);
          expect(await all(given, 3)).toEqual(lines.filter((text) => text !== ''));
        },
      ),
    );
  });

  it('are given as soon as there is one: a stream that stays open does not hold them back', async () => {
    const stream = new Readable({ read() {} });
    const given = new GivenMessages(stream, false);
    stream.push('{"message_id":"a"}\n{"mess');
    expect(await given.take(10)).toMatchObject([{ id: 'a' }]);
    stream.push('age_id":"b"}\n');
    expect(await given.take(10)).toMatchObject([{ id: 'b' }]);
    given.close();
    expect(stream.destroyed).toBe(true);
  });

  it('are at most so many at a time, and about a megabyte', async () => {
    const long = `"${'x'.repeat(400_000)}"`;
    const given = new GivenMessages([long, long, long, '1', '2', '3'], false);
    expect((await given.take(10)).length).toBe(2);
    expect((await given.take(3)).length).toBe(3);
    expect((await given.take(3)).length).toBe(1);
  });

  it('that are no JSON object with an id are counted, unless a ledger needs the ids', async () => {
    const texts = ['no JSON', '{"n":1}', '{"message_id":"a"}'];
    const given = new GivenMessages(texts, false);
    expect(await all(given)).toEqual(texts);
    expect(given.invalid).toBe(2);
    await expect(new GivenMessages(['{"message_id":"a"}', '{"n":1}'], true).take(10)).rejects.toMatchObject({
      code: 'WRONG_MESSAGE',
      message:
        'message 2 cannot be published: a ledger needs its message_id, and the message has no message_id',
    });
    await expect(new GivenMessages(['{"message_id":"a\\nb"}'], true).take(10)).rejects.toMatchObject({
      message: 'message 1 cannot be published: a ledger cannot hold its message_id',
    });
  });

  it('that Redis would get changed, or not at all, are refused with their number', async () => {
    await expect(
      new GivenMessages(streamOf('"a"\n', Buffer.from([0xff, 0x0a])), false).take(10),
    ).resolves.toHaveLength(1);
    const wrong = new GivenMessages(
      streamOf(Buffer.concat([Buffer.from('"a"\n\n'), Buffer.from([0xff, 0x0a])])),
      false,
    );
    await expect(wrong.take(10)).rejects.toMatchObject({
      message: 'message 3 cannot be published: it is not UTF-8',
    });
    const huge = new GivenMessages(streamOf('1\n', Buffer.alloc(MAX_MESSAGE_BYTES + 1, 'x')), false);
    expect(await huge.take(10)).toHaveLength(1);
    await expect(huge.take(10)).rejects.toMatchObject({
      code: 'WRONG_MESSAGE',
      message: 'message 2 cannot be published: it has more than 16 MB; each line is a message',
    });
  });

  it('end when they are no more wanted, and when the stream cannot be read', async () => {
    const ending = new AbortController();
    const given = new GivenMessages(new Readable({ read() {} }), false, ending.signal);
    const taken = given.take(1);
    ending.abort();
    expect(await taken).toEqual([]);
    const broken = new Readable({ read() {} });
    const taking = new GivenMessages(broken, false).take(1);
    broken.destroy(new Error('EIO'));
    await expect(taking).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'the messages cannot be read: EIO',
    });
  });
});
