import { setTimeout as sleep } from 'node:timers/promises';
import { plural } from '../core/words.js';
import { METHOD_NOT_FOUND, notificationLine, requestLine } from '../protocol/rpc.js';
import type { Conversation, Reply } from './conversation.js';
import { fine, note, type Verdict, wrong } from './report.js';
import { changedDigits, changedTexts, echoOf, type TestMessages } from './test-messages.js';

/** ms that a program has to answer a cancelled delivery. */
const AFTER_CANCEL = 1_000;
/** ms in which a program ends after its input. */
const LONGEST_END = 5_000;
/** ms for a pong. */
const LONGEST_PONG = 3_000;
/** Most deliveries that are given at once. */
const MOST_AT_ONCE = 100;

export interface CaseContext {
  readonly talk: Conversation;
  readonly messages: TestMessages;
  /** ms that an answer may take. */
  readonly within: number;
  /** Whether the user has named a message that the worker can process. */
  readonly messageGiven: boolean;
  /** A message that must fail. */
  readonly failing: string | undefined;
}

/** One check of a worker that speaks the protocol in lines. */
export interface LineCase {
  readonly check: string;
  /** For workers of one kind only. */
  readonly kind?: 'exec' | 'remote';
  run(context: CaseContext): Promise<Verdict>;
}

const ANSWER_EACH =
  'answer each "process" with {"jsonrpc":"2.0","id":ID,"result":…} or "error", and flush the output after each line ' +
  '(Python: print(…, flush=True))';
const READ_ON = 'a worker must go on after a message that it does not understand';

/** What is wrong if there was no answer. */
function unanswered({ talk, within }: CaseContext, what: string, why: string, advice: string): Verdict {
  const { gone } = talk.link;
  const seen = gone === undefined ? `no answer came within ${within} ms` : gone;
  return wrong(`${what}: ${seen}`, why, advice);
}

/** Sends a message, and looks whether it is answered at all. */
async function answered(
  context: CaseContext,
  message: string,
  what: string,
  why: string,
  advice: string,
): Promise<Verdict | Reply> {
  return (await context.talk.ask(message)) ?? unanswered(context, what, why, advice);
}

function isVerdict(value: Verdict | Reply): value is Verdict {
  return 'status' in value;
}

/** Whether it still answers after something odd. */
async function survives(context: CaseContext, what: string, why: string, advice: string): Promise<Verdict> {
  const reply = await answered(context, context.messages.plain(), `after ${what}`, why, advice);
  return isVerdict(reply) ? reply : fine(`it goes on after ${what}`);
}

const ENDS = 'the worker is started again each time, and what it had in work is done again';

export const FIRST_CASE: LineCase = {
  check: 'a message',
  async run(context) {
    const why = 'the attempt of each message fails at its deadline';
    const reply = await answered(context, context.messages.plain(), 'a message', why, ANSWER_EACH);
    if (isVerdict(reply)) return reply;
    if (reply.kind === 'answer') return fine('it answers with a result');
    const what = `it answers with an error: ${reply.error}`;
    if (context.messageGiven)
      return wrong(
        what,
        'the given message should be processed',
        'mend the worker, or give another --message',
      );
    return note(`${what}; give a message that it can process: --message JSON`);
  },
};

export const LINE_CASES: readonly LineCase[] = [
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
      for (const id of ids) if (await talk.reply(id)) answers++;
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
      return note(
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
      return isVerdict(reply) ? reply : fine(`it answers ${what}`);
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
  {
    check: 'a failing message',
    async run(context) {
      const { failing, talk } = context;
      if (failing === undefined)
        return note('not checked: name a message that must fail with --failing JSON');
      const what = 'the message that must fail';
      const reply = await answered(
        context,
        failing,
        what,
        'its attempt fails at the deadline only',
        ANSWER_EACH,
      );
      if (isVerdict(reply)) return reply;
      if (reply.kind === 'answer')
        return wrong(
          `${what} has a result: ${reply.result.slice(0, 200)}`,
          'cgroup takes the message as processed',
          'answer with "error": {"code": -32000, "message": "what went wrong"}',
        );
      const ends = reply.dead ? 'no further attempt' : 'it is tried again';
      const later = await talk.ask(context.messages.plain());
      if (!later)
        return unanswered(context, 'after a failed message', ENDS, 'catch the errors of each message');
      return fine(`its error is: ${reply.error} (${ends})`);
    },
  },
  {
    check: 'cancel',
    async run(context) {
      const { talk, messages } = context;
      const id = talk.give(messages.plain(), { deadline: 1 });
      talk.cancel(id, 'no answer of the worker within 1 ms');
      const inTime = talk.link.kind === 'remote' || (await talk.reply(id, AFTER_CANCEL)) !== undefined;
      const advice = 'ignore "cancel", or stop the work on its delivery; then go on';
      const verdict = await survives(context, 'a cancelled delivery', ENDS, advice);
      if (verdict.status !== 'ok' || inTime) return verdict;
      return note(
        `the cancelled delivery has no answer within ${AFTER_CANCEL} ms: cgroup ends such a program and starts it again; ` +
          'right for a program that does one thing at a time',
      );
    },
  },
  {
    check: 'cancel of another',
    run(context) {
      context.talk.cancel('check/never', 'it is not yours');
      const advice = 'ignore "cancel" for a delivery that is unknown or answered';
      return survives(context, 'the cancel of a delivery that it never had', ENDS, advice);
    },
  },
  {
    check: 'a line without JSON',
    run(context) {
      for (const line of ['this is not JSON', '{"jsonrpc":"2.0","id":']) context.talk.link.send(line);
      const advice = `catch the error of the JSON parser and skip the line: ${READ_ON}`;
      return survives(context, 'lines that are no messages', ENDS, advice);
    },
  },
  {
    check: 'unknown notification',
    run(context) {
      context.talk.link.send(
        notificationLine('later/notification', { delivery_id: 'check/never', message: {} }),
      );
      const advice = `look at "method", and ignore notifications that are unknown: ${READ_ON}`;
      return survives(context, 'an unknown notification', `a later version may send it. ${ENDS}`, advice);
    },
  },
  {
    check: 'unknown request',
    async run(context) {
      const { talk } = context;
      talk.request('check-request', requestLine('check-request', 'later/request', {}));
      const why = 'a later version may send it';
      const advice = `look at "method", and answer an unknown one with the error ${METHOD_NOT_FOUND}`;
      const verdict = await survives(context, 'an unknown request', `${why}. ${ENDS}`, advice);
      if (verdict.status !== 'ok') return verdict;
      const reply = await talk.reply('check-request', AFTER_CANCEL);
      if (!reply) return note(`it does not answer an unknown request; better: the error ${METHOD_NOT_FOUND}`);
      if (reply.kind === 'failure') return fine('it answers an unknown request with an error');
      return wrong('it answers an unknown request with a result', why, advice);
    },
  },
  {
    check: 'unknown members',
    async run(context) {
      const { talk, messages } = context;
      const id = talk.give(
        messages.plain(),
        {},
        (line) => `${line.slice(0, -2)},"later":{"a":[1]}},"later":1}`,
      );
      const what = 'a delivery with members that it does not know';
      if (await talk.reply(id)) return fine(`it answers ${what}`);
      return unanswered(context, what, 'a later version may send them', 'ignore members that are unknown');
    },
  },
  {
    check: 'quiet',
    async run(context) {
      const { talk, messages } = context;
      const id = talk.give(messages.plain());
      talk.link.send('{"jsonrpc":"2.0","method":"quiet"}');
      const advice = 'on "quiet" finish what is in work, and go on reading: a later "process" ends it';
      if (!(await talk.reply(id)))
        return unanswered(context, 'a delivery in work at "quiet"', 'it is done again elsewhere', advice);
      return survives(context, '"quiet"', 'after a pause of the group the worker stays idle', advice);
    },
  },
  {
    check: 'ping',
    kind: 'remote',
    async run({ talk }) {
      if (await talk.link.ping(LONGEST_PONG)) return fine('it answers a ping');
      return wrong(
        `no pong came within ${LONGEST_PONG} ms`,
        'the group takes the worker for dead, and gives its deliveries to others',
        'answer pings also while a message is in work: most libraries do it unless a handler blocks them',
      );
    },
  },
  {
    check: 'end of stdin',
    kind: 'exec',
    async run({ talk }) {
      if (await talk.link.finish(LONGEST_END)) return fine('it ends when its stdin ends');
      return wrong(
        `it still runs ${LONGEST_END} ms after its stdin has ended`,
        'each stop of cgroup has to kill it, in the middle of what it does',
        'end the program when reading from stdin says that there is no more',
      );
    },
  },
];
