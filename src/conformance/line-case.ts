import type { Conversation, Reply } from './conversation.js';
import { fine, type Verdict, wrong } from './report.js';
import type { TestMessages } from './test-messages.js';

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

export const ANSWER_EACH =
  'answer each "process" with {"jsonrpc":"2.0","id":ID,"result":…} or "error", and flush the output after each line ' +
  '(Python: print(…, flush=True))';
export const READ_ON = 'a worker must go on after a message that it does not understand';

/** What is wrong if there was no answer. */
export function unanswered(
  { talk, within }: CaseContext,
  what: string,
  why: string,
  advice: string,
): Verdict {
  const { gone } = talk.link;
  const seen = gone === undefined ? `no answer came within ${within} ms` : gone;
  return wrong(`${what}: ${seen}`, why, advice);
}

/** Sends a message, and looks whether it is answered at all. */
export async function answered(
  context: CaseContext,
  message: string,
  what: string,
  why: string,
  advice: string,
): Promise<Verdict | Reply> {
  return (await context.talk.ask(message)) ?? unanswered(context, what, why, advice);
}

export function isVerdict(value: Verdict | Reply): value is Verdict {
  return 'status' in value;
}

/** Whether it still answers after something odd. */
export async function survives(
  context: CaseContext,
  what: string,
  why: string,
  advice: string,
): Promise<Verdict> {
  const reply = await answered(context, context.messages.plain(), `after ${what}`, why, advice);
  return isVerdict(reply) ? reply : fine(`it goes on after ${what}`);
}

export const ENDS = 'the worker is started again each time, and what it had in work is done again';
