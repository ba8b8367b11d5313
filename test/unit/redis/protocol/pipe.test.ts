import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pipe } from '../../../../src/redis/protocol/pipe.js';
import { ReplySplitter } from '../../../../src/redis/protocol/replies.js';
import { replyValue } from '../../../../src/redis/protocol/values.js';

/** A pipe, and a client that sends over the same socket. */
function stage() {
  const written: string[] = [];
  /** Replies that the client got. */
  const others: string[] = [];
  let unanswered = 0;
  const pipe = new Pipe({
    write: (bytes) => written.push(bytes.toString()),
    others: () => unanswered,
    onOther: (bytes) => {
      unanswered--;
      others.push(bytes.toString());
    },
  });
  const splitter = new ReplySplitter(
    (bytes, at) => pipe.take(bytes, at),
    (bytes) => pipe.hand(bytes),
  );
  const sendOther = (text: string) => {
    unanswered++;
    written.push(text);
  };
  return { pipe, splitter, written, others, sendOther };
}

const reply = (text: string) => `$${text.length}\r\n${text}\r\n`;
/** A command says how many replies it has. */
const repliesOf = (command: string) => Number(command.split(':')[1]);
/** What happens next, and how many bytes arrive if bytes do. */
const step = fc.tuple(fc.constantFrom('other', 'request', 'answer', 'arrive'), fc.nat(40));

describe('a pipe', () => {
  it('gives each reply to whom it belongs, in any order of sending and however the bytes are cut', async () => {
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { pipe, splitter, written, others, sendOther } = stage();
      const requests: { command: string; got: unknown[]; end: Promise<void> }[] = [];
      const sentByOthers: string[] = [];
      let [answered, bytes] = [0, ''];
      const answer = () => {
        const command = written[answered++] as string;
        bytes += reply(command).repeat(repliesOf(command));
      };
      const arrive = (length: number) => {
        if (bytes !== '' && length > 0) splitter.feed(Buffer.from(bytes.slice(0, length)));
        bytes = bytes.slice(length);
      };
      for (const [i, [kind, number]] of steps.entries()) {
        if (kind === 'other') {
          sentByOthers.push(`other ${i}:1`);
          sendOther(`other ${i}:1`);
        } else if (kind === 'request') {
          const command = `request ${i}:${1 + (number % 3)}`;
          const got: unknown[] = [];
          const end = pipe.request(Buffer.from(command), repliesOf(command), (all, at) =>
            got.push(replyValue(all, at, false)),
          );
          requests.push({ command, got, end });
        } else if (kind === 'arrive') arrive(number);
        else if (answered < written.length) answer();
      }
      while (answered < written.length) answer();
      arrive(bytes.length);
      await Promise.all(requests.map(({ end }) => end));
      expect(others).toEqual(sentByOthers.map(reply));
      for (const { command, got } of requests) expect(got).toEqual(Array(repliesOf(command)).fill(command));
    });
    await fc.assert(property, { numRuns: 500 });
  });

  it('rejects with an error reply, after the last reply of the request', async () => {
    const { pipe, splitter } = stage();
    const got: unknown[] = [];
    const request = pipe.request(Buffer.from('two'), 2, (bytes, at) =>
      got.push(replyValue(bytes, at, false)),
    );
    const next = pipe.request(Buffer.from('one'), 1, (bytes, at) => got.push(replyValue(bytes, at, false)));
    splitter.feed(Buffer.from('-NOGROUP it is gone\r\n:1\r\n:2\r\n'));
    await expect(request).rejects.toThrow('NOGROUP it is gone');
    await next;
    expect(got).toEqual([1, 2]);
  });

  it('rejects all that wait when the connection ends', async () => {
    const { pipe } = stage();
    const request = pipe.request(Buffer.from('one'), 1, () => {});
    pipe.end(new Error('not connected'));
    await expect(request).rejects.toThrow('not connected');
  });
});
