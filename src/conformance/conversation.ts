import { processLine, type WorkerDelivery } from '../protocol/from-group.js';
import { type FromWorker, parseFromWorker, type WorkerFailure } from '../protocol/from-worker.js';
import { errorLine, notificationLine, type RpcId, resultLine, TOO_LATE } from '../protocol/rpc.js';
import type { Hello, HelloResult } from '../protocol/schema.js';
import type { WorkerLink } from './link.js';
import type { Violations } from './violations.js';

/** The answer of a worker to a delivery. */
export type Reply =
  | { readonly kind: 'answer'; readonly result: string }
  | ({ readonly kind: 'failure' } & WorkerFailure);

/** Deliveries at a time for a program that does not say how many it takes. */
const CONCURRENCY = 10;
/** Longest that an `extend` makes the check wait, ms. */
const LONGEST_WAIT = 60_000;

const PROCESS = 'check';

/** Plays the group for one worker. What it sees that no worker may do goes to the violations. */
export class Conversation {
  readonly link: WorkerLink;
  /** What the worker said of itself. */
  hello: Hello | undefined;
  /** What is wrong with the first message, if it should have been a good hello. */
  badHello: string | undefined;
  readonly #violations: Violations;
  readonly #within: number;
  readonly #open = new Map<string, number>();
  readonly #replies = new Map<string, Reply>();
  readonly #cancelled = new Set<string>();
  readonly #requests = new Set<string>();
  static #last = 0;

  /** @param within ms that an answer may take */
  constructor(link: WorkerLink, violations: Violations, within: number) {
    this.link = link;
    this.#violations = violations;
    this.#within = within;
  }

  /** How many deliveries the worker takes at a time. */
  get concurrency(): number {
    return this.hello?.concurrency ?? CONCURRENCY;
  }

  /** Waits for the hello of a remote worker. A program need not say it. */
  async begin(within: number): Promise<void> {
    if (this.link.kind === 'exec') return;
    const line = await this.link.next(within);
    if (line === undefined) this.badHello = this.link.gone ?? `no message came within ${within} ms`;
    else {
      const message = parseFromWorker(line);
      if (message.kind === 'hello') this.#welcome(message.id, message.hello);
      else
        this.badHello = message.kind === 'invalid' ? message.error : `its first message is ${named(message)}`;
    }
  }

  /** Gives a delivery. Returns its id. */
  give(message: string, rest: Partial<WorkerDelivery> = {}, change = (line: string) => line): string {
    const deliveryId = Conversation.newId();
    this.#open.set(deliveryId, 0);
    const line = processLine({
      deliveryId,
      message,
      attempt: 1,
      deadline: this.#within,
      consumerId: `${PROCESS}-1`,
      inboxId: `1764378000000-${Conversation.#last}`,
      traceparent: undefined,
      ...rest,
    });
    this.link.send(change(line));
    return deliveryId;
  }

  static newId(): string {
    return `${PROCESS}/${++Conversation.#last}`;
  }

  cancel(deliveryId: string, reason: string): void {
    this.#cancelled.add(deliveryId);
    this.link.send(notificationLine('cancel', { delivery_id: deliveryId, reason }));
  }

  /** Sends a request that is no delivery. */
  request(id: string, line: string): void {
    this.#requests.add(id);
    this.link.send(line);
  }

  /** Gives a delivery and waits for its answer; undefined if none comes. */
  async ask(message: string, rest?: Partial<WorkerDelivery>): Promise<Reply | undefined> {
    const id = this.give(message, rest);
    return this.reply(id);
  }

  /** The answer to a delivery or a request; undefined if none comes in time, or the worker goes. */
  async reply(id: string, within = this.#within): Promise<Reply | undefined> {
    const end = performance.now() + within;
    for (;;) {
      const reply = this.#replies.get(id);
      if (reply) return reply;
      const left = Math.max(end, this.#open.get(id) ?? 0) - performance.now();
      if (left <= 0) return undefined;
      const line = await this.link.next(left);
      if (line !== undefined) this.#read(line);
      else if (this.link.gone !== undefined) return undefined;
    }
  }

  /** Reads what has come already, and what comes until the worker has gone. */
  async rest(within: number): Promise<void> {
    const end = performance.now() + within;
    for (;;) {
      const line = await this.link.next(Math.max(end - performance.now(), 0));
      if (line === undefined) return;
      this.#read(line);
    }
  }

  #read(line: string): void {
    const message = parseFromWorker(line);
    if (message.kind === 'answer' || message.kind === 'failure') this.#reply(message.deliveryId, message);
    else if (message.kind === 'hello') this.#hello(message.id, message.hello);
    else if (message.kind === 'extend') this.#extend(message);
    else if (message.kind === 'invalid') this.#invalid(line, message);
  }

  #hello(id: RpcId, hello: Hello): void {
    if (this.hello) this.#violations.add('messages', 'it said hello twice');
    else if (this.#replies.size > 0) this.#violations.add('messages', 'it said hello after its first answer');
    this.#welcome(id, hello);
  }

  #invalid(line: string, message: FromWorker & { readonly kind: 'invalid' }): void {
    // It could not read one of our lines, and says so.
    if (isComplaint(line)) return;
    this.#violations.addInvalid(line, message);
    if (message.id !== undefined) this.link.send(errorLine(message.id, message.code, message.error));
  }

  #reply(id: string, reply: Reply): void {
    const asked = this.#open.has(id) || this.#requests.has(id);
    if (!asked)
      this.#violations.add('ids', `an answer with the id ${JSON.stringify(id)}, which was never given`);
    else if (this.#replies.has(id)) this.#violations.add('answers', `two answers to the delivery ${id}`);
    else this.#replies.set(id, reply);
    if (this.link.kind === 'remote' && this.#cancelled.delete(id)) this.cancel(id, 'late: it was cancelled');
  }

  #extend({ id, deliveryId, ms }: FromWorker & { readonly kind: 'extend' }): void {
    const known = this.#open.has(deliveryId);
    if (known) this.#open.set(deliveryId, performance.now() + Math.min(ms, LONGEST_WAIT));
    else
      this.#violations.add(
        'ids',
        `extend for the delivery ${JSON.stringify(deliveryId)}, which was never given`,
      );
    if (id === undefined) return;
    this.link.send(known ? resultLine(id, true) : errorLine(id, TOO_LATE, 'this delivery is unknown'));
  }

  #welcome(id: RpcId, hello: Hello): void {
    this.hello = hello;
    const unknown = hello.holds.find((held) => !held.startsWith(`${PROCESS}/`));
    if (unknown !== undefined)
      this.#violations.add(
        'ids',
        `"holds" names the delivery ${JSON.stringify(unknown)}, which was never given`,
      );
    const result: HelloResult = {
      group: 'check',
      channel: 'check',
      heartbeat: 1_000,
      lease: 3_000,
      consumer_id: `${PROCESS}-${hello.name}-1`,
      concurrency: hello.concurrency,
      resumed: [],
    };
    this.link.send(resultLine(id, result));
  }
}

function named(message: FromWorker): string {
  return message.kind === 'answer' || message.kind === 'failure' ? 'an answer' : message.kind;
}

/** An error with the id null: the worker could not read a message. */
function isComplaint(line: string): boolean {
  try {
    const { error, method } = JSON.parse(line) as { error?: unknown; method?: unknown };
    return typeof error === 'object' && error !== null && method === undefined;
  } catch {
    return false;
  }
}
