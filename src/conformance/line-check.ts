import { Conversation } from './conversation.js';
import type { LineCase } from './line-case.js';
import type { WorkerSource } from './link.js';
import { FIRST_CASE, MESSAGE_CASES } from './message-cases.js';
import type { CheckOptions } from './options.js';
import { fine, NOT_CHECKED, type Verdict, type WorkerFinding, wrong } from './report.js';
import { RULE_CASES } from './rule-cases.js';
import { TestMessages } from './test-messages.js';
import { Violations } from './violations.js';

/** ms for a worker to connect at first. */
const FIRST_CONNECT = 30_000;
/** ms for a worker to connect again. */
const RECONNECT = 20_000;
/** ms for hello. */
const HELLO_WITHIN = 10_000;
/** ms in which what a worker sends too much is still seen. */
const REST = 500;

/** Runs the cases with workers that speak the protocol in lines. */
export class LineCheck {
  readonly #source: WorkerSource;
  readonly #options: CheckOptions;
  readonly #violations = new Violations();
  readonly #findings: WorkerFinding[] = [];
  readonly #messages: TestMessages;
  #talk: Conversation | undefined;

  constructor(source: WorkerSource, options: CheckOptions) {
    this.#source = source;
    this.#options = options;
    this.#messages = new TestMessages(options.message);
  }

  async run(): Promise<WorkerFinding[]> {
    try {
      if (await this.#begin()) await this.#runCases();
      return [...this.#findings, ...this.#violations.findings()];
    } finally {
      await this.#source.close();
    }
  }

  async #begin(): Promise<boolean> {
    const talk = await this.#open(FIRST_CONNECT);
    if (!talk) {
      const what = `no worker connected within ${FIRST_CONNECT / 1_000} s`;
      this.#add('connection', wrong(what, 'nothing can be checked', 'start the worker with the URL above'));
      return false;
    }
    if (talk.badHello !== undefined) {
      const advice =
        'send first {"jsonrpc":"2.0","id":"hello","method":"hello","params":{"name":"…","concurrency":1,"protocol":1}}';
      this.#add('hello', wrong(talk.badHello, 'the group closes the connection', advice));
      return false;
    }
    const verdict = await this.#verdictOf(FIRST_CASE, talk);
    if (talk.hello)
      this.#add('hello', fine(`it is ${talk.hello.name}, and takes ${talk.concurrency} at a time`));
    this.#add(FIRST_CASE.check, verdict);
    return verdict.status !== 'wrong';
  }

  async #runCases(): Promise<void> {
    for (const one of [...MESSAGE_CASES, ...RULE_CASES]) {
      const talk = await this.#current();
      if (one.kind !== undefined && one.kind !== talk?.link.kind) continue;
      this.#add(one.check, talk ? await this.#verdictOf(one, talk) : NOT_CHECKED);
    }
    if (this.#talk?.link.kind === 'remote') await this.#reconnects(this.#talk);
    await this.#talk?.rest(REST);
  }

  async #verdictOf(one: LineCase, talk: Conversation): Promise<Verdict> {
    const { within, failing, message } = this.#options;
    const context = { talk, messages: this.#messages, within, failing, messageGiven: message !== undefined };
    const verdict = await one.run(context);
    // What it does next may be the consequence: the next case begins with another one.
    if (verdict.status === 'wrong') {
      await talk.rest(0);
      await talk.link.close();
    }
    return verdict;
  }

  /** The conversation that goes on, or a new one if the worker has gone. */
  async #current(): Promise<Conversation | undefined> {
    if (this.#talk && this.#talk.link.gone === undefined) return this.#talk;
    return this.#open(RECONNECT);
  }

  async #open(within: number): Promise<Conversation | undefined> {
    const link = await this.#source.open(within);
    this.#talk = link && new Conversation(link, this.#violations, this.#options.within);
    await this.#talk?.begin(HELLO_WITHIN);
    return this.#talk;
  }

  async #reconnects(talk: Conversation): Promise<void> {
    await talk.rest(REST);
    const closed = await talk.link.finish(HELLO_WITHIN);
    const again = closed ? await this.#open(RECONNECT) : undefined;
    this.#add(
      'connects again',
      again
        ? fine('it connects again after the group has closed the connection')
        : wrong(
            `it did not connect again within ${RECONNECT / 1_000} s after the group closed the connection with 1001`,
            'after a restart of the group nothing is processed until you start the worker again',
            'connect again whenever the connection ends: after 100 ms, doubling to 5 s',
          ),
    );
  }

  #add(check: string, verdict: Verdict): void {
    this.#findings.push({ check, ...verdict });
  }
}
