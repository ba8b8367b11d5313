import { setTimeout as sleep } from 'node:timers/promises';
import { plural } from '../core/words.js';
import { ANSWER_EACH, answered, ENDS, isVerdict, type LineCase, unanswered } from './line-case.js';
import { fine, GIVE_MESSAGE, OR_GIVE_MESSAGE, remark, UNTRIED, wrong } from './report.js';
import { changedDigits, changedLarge, changedTexts, echoOf } from './test-messages.js';

/** If the worker ends at the first message. */
const BY_HAND = `run the worker by hand, and look at its error; ${OR_GIVE_MESSAGE}`;
/** Most deliveries that are given at once. */
const MOST_AT_ONCE = 100;

export const FIRST_CASE: LineCase = {
  check: 'a message',
  async run(context) {
    const why = 'the attempt of each message fails at its deadline';
    const reply = await context.talk.ask(context.messages.plain());
    if (!reply) return unanswered(context, 'a message', why, context.talk.link.gone ? BY_HAND : ANSWER_EACH);
    if (reply.kind === 'answer') return fine('it answers with a result');
    const what = `it answers with an error: ${reply.error}`;
    if (context.messageGiven)
      return wrong(
        what,
        'the given message should be processed',
        'mend the worker, or give another --message',
      );
    return wrong(what, UNTRIED, GIVE_MESSAGE);
  },
};

/** Messages of all kinds. */
export const MESSAGE_CASES: readonly LineCase[] = [
  {
    check: 'another attempt',
    async run(context) {
      const more = { attempt: 2, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
      const reply = await context.talk.ask(context.messages.plain(), more);
      const why = 'a message that has failed once would never be processed';
      if (!reply) return unanswered(context, 'a second attempt, with "traceparent"', why, ANSWER_EACH);
      return fine('it answers a second attempt, with "traceparent"');
    },
  },
  {
    check: 'many at once',
    async run(context) {
      const { talk, messages } = context;
      const count = Math.min(talk.concurrency, MOST_AT_ONCE);
      const ids = Array.from({ length: count }, () => talk.give(messages.plain()));
      let answers = 0;
      // After one that has no answer in time, only those that are there.
      for (const [i, id] of ids.entries())
        if (await talk.reply(id, answers === i ? context.within : 0)) answers++;
      if (answers === count) return fine(`it answers ${plural(count, 'delivery', 'deliveries')} at once`);
      const advice =
        talk.hello === undefined
          ? 'read all lines, also those that come at once; or say with "hello" how many it takes at a time'
          : 'take as many at a time as "concurrency" of "hello" says, or say a smaller number there';
      const why = 'the others fail at their deadline, and each uses up an attempt';
      return unanswered(
        context,
        `of ${count} deliveries at once only ${answers} have an answer`,
        why,
        advice,
      );
    },
  },
  {
    check: 'any text',
    async run(context) {
      const what = 'a message with letters of many languages, quotes and line breaks';
      const why = 'such a message is never processed';
      const reply = await answered(context, context.messages.texts(), what, why, 'read and write UTF-8');
      if (isVerdict(reply)) return reply;
      const seen = reply.kind === 'answer' ? changedTexts(reply.result) : undefined;
      if (seen === undefined) return fine(`it answers ${what}`);
      if (seen === 'same') return fine('letters of all languages come back as they were');
      return wrong(
        'letters of other languages come back changed',
        'results differ from what the worker means',
        'read stdin and write stdout as UTF-8, whatever the locale is (Python: PYTHONUTF8=1, or sys.stdin.reconfigure(encoding="utf-8"))',
      );
    },
  },
  {
    check: 'half a character',
    async run(context) {
      const what = 'a message with a half of a character (\\ud83d)';
      const why = `any publisher can send it. ${ENDS}`;
      const advice =
        'catch the error of a single message and answer with it; write JSON with escapes (ASCII)';
      const reply = await answered(context, context.messages.halfCharacter(), what, why, advice);
      return isVerdict(reply) ? reply : fine(`it answers ${what}`);
    },
  },
  {
    check: 'many digits',
    async run(context) {
      const what = 'a message with a number of 20 digits';
      const why = 'such a message is never processed';
      const reply = await answered(
        context,
        context.messages.digits(),
        what,
        why,
        'catch errors, answer with them',
      );
      if (isVerdict(reply)) return reply;
      const seen = reply.kind === 'answer' ? changedDigits(reply.result) : undefined;
      if (seen === undefined) return fine(`it answers ${what}`);
      if (seen === 'same') return fine('a number of 20 digits comes back as it was');
      const echo = reply.kind === 'answer' ? echoOf(reply.result) : '';
      return remark(
        `12345678901234567890 comes back as ${echo}: numbers beyond 2^53 are rounded, as in JavaScript; ` +
          'if your messages have such numbers, read them with a parser that keeps them',
      );
    },
  },
  {
    check: 'a large message',
    async run(context) {
      const what = 'a message of 1 MB';
      const why = 'such a message is never processed';
      const advice = 'read whole lines, however long they are: a buffer of fixed size is too small';
      const reply = await answered(context, context.messages.large(), what, why, advice);
      if (isVerdict(reply)) return reply;
      if (reply.kind === 'answer' && changedLarge(reply.result) === 'changed')
        return wrong(`${what} comes back changed`, 'results differ from what the worker means', advice);
      return fine(`it answers ${what}`);
    },
  },
  {
    check: 'blanks in a message',
    async run(context) {
      const why = 'such a message is never processed';
      const advice = 'read the line with a JSON parser: blanks may stand between all values';
      const what = 'a message with blanks between its values';
      const reply = await answered(context, context.messages.inLines(), what, why, advice);
      return isVerdict(reply) ? reply : fine(`it answers ${what}`);
    },
  },
  {
    check: 'a line in parts',
    kind: 'exec',
    async run(context) {
      const { talk, messages } = context;
      const parts: Buffer[] = [];
      // In the middle of a character of four bytes.
      const id = talk.give(messages.texts(), {}, (line) => {
        const bytes = Buffer.from(`${line}\n`);
        const cut = bytes.indexOf(Buffer.from('🎉')) + 2;
        parts.push(bytes.subarray(0, cut), bytes.subarray(cut));
        return '';
      });
      talk.link.sendBytes(parts[0] as Buffer);
      // Long enough for the worker to read the first part alone.
      await sleep(50);
      talk.link.sendBytes(parts[1] as Buffer);
      const what = 'a line that comes in two parts';
      if (await talk.reply(id)) return fine(`it answers ${what}`);
      const why = 'long lines come in parts: their messages are never processed';
      const advice = 'read up to the line break, and decode UTF-8 afterwards';
      return unanswered(context, what, why, advice);
    },
  },
];
