import { METHOD_NOT_FOUND, notificationLine, requestLine } from '../protocol/rpc.js';
import {
  ANSWER_EACH,
  answered,
  ENDS,
  isVerdict,
  type LineCase,
  READ_ON,
  survives,
  unanswered,
} from './line-case.js';
import { fine, remark, wrong } from './report.js';

/** ms that a program has to answer a cancelled delivery. */
const AFTER_CANCEL = 1_000;
/** ms in which a program ends after its input. */
const LONGEST_END = 5_000;
/** ms for a pong. */
const LONGEST_PONG = 3_000;

/** All that is no message. */
export const RULE_CASES: readonly LineCase[] = [
  {
    check: 'a failing message',
    async run(context) {
      const { failing, talk } = context;
      if (failing === undefined)
        return remark('not checked: name a message that must fail with --failing JSON');
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
      return remark(
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
      if (!reply)
        return remark(`it does not answer an unknown request; better: the error ${METHOD_NOT_FOUND}`);
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
