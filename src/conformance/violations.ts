import { cutText } from '../log/bounded.js';
import type { FromWorker } from '../protocol/from-worker.js';
import { fine, type WorkerFinding, wrong } from './report.js';

/** What no worker may do, at any time. */
const RULES = {
  protocol: {
    ok: 'it sends nothing but messages of the protocol',
    why: 'cgroup skips it with a warning; an answer in it would be lost, and its message would wait for the deadline',
    advice:
      'print nothing else on stdout: logs go to stderr. Send each message whole, as one line of JSON (one text frame of a WebSocket)',
  },
  answers: {
    ok: 'each delivery got one answer',
    why: 'only the first answer counts; one that was meant for another delivery is lost',
    advice: 'answer each "process" once, with its own "id"',
  },
  ids: {
    ok: 'it names only deliveries that it was given',
    why: 'the delivery that was meant gets no answer: its attempt fails at the deadline',
    advice: 'send back the "id" of the request as it came, a text, at the first answer and not again later',
  },
  messages: {
    ok: 'its other messages are right',
    why: 'cgroup refuses such a message',
    advice: 'see "Worker to group" in docs/worker-protocol.md',
  },
} as const;

const NAMES: Record<keyof typeof RULES, string> = {
  protocol: 'only the protocol',
  answers: 'one answer each',
  ids: 'ids',
  messages: 'other messages',
};

/** Collects what a worker does wrong in any of its conversations: the first of each kind. */
export class Violations {
  readonly #first = new Map<keyof typeof RULES, { readonly what: string; count: number }>();

  add(rule: keyof typeof RULES, what: string): void {
    const seen = this.#first.get(rule);
    if (seen) seen.count++;
    else this.#first.set(rule, { what, count: 1 });
  }

  addInvalid(line: string, { error }: FromWorker & { readonly kind: 'invalid' }): void {
    const isMessage = line.trimStart().startsWith('{');
    this.add(isMessage ? 'messages' : 'protocol', `${error}; it was: ${cutText(line, 200)}`);
  }

  findings(): WorkerFinding[] {
    return (Object.keys(RULES) as (keyof typeof RULES)[]).map((rule) => {
      const { ok, why, advice } = RULES[rule];
      const seen = this.#first.get(rule);
      const more = seen && seen.count > 1 ? ` (${seen.count} times)` : '';
      return {
        check: NAMES[rule],
        ...(seen ? wrong(`${seen.what}${more}`, why, advice) : fine(ok)),
      };
    });
  }
}
