import { performance } from 'node:perf_hooks';
import { cutError } from '../../core/errors.js';
import {
  type ConsumerExecutor,
  type Delivery,
  INTERRUPTED,
  type OnOutcome,
  type Outcome,
  type RunningAttempt,
} from '../../core/executor.js';
import { parseMessage } from '../../core/message.js';
import { compareIds } from '../../core/stream-id.js';
import type { WorkerDelivery } from '../../protocol/from-group.js';
import type { WorkerFailure } from '../../protocol/from-worker.js';
import { tooLarge } from '../result.js';
import type { DeliveryIds } from './delivery-ids.js';
import type { Suspects } from './suspects.js';
import { WaitingLine } from './waiting-line.js';

/** What the desk needs of the line to its worker. */
export interface WorkerLine {
  /** Hands out a delivery. Its deadline runs from now on. */
  process(delivery: WorkerDelivery): void;
  /** The answer to a delivery no longer counts. @param deadline ms that it had, if its time is over */
  cancel(deliveryId: string, reason: string, deadline?: number): void;
  /** Whether nothing more should be sent for now: the worker reads too slowly. Call {@link Desk.pump} when that is over. */
  readonly congested: boolean;
}

export interface DeskOptions {
  readonly consumerId: string;
  /** Most deliveries that the worker has at a time. */
  readonly concurrency: number;
  /** Of one attempt, ms. */
  readonly timeout: number;
  readonly ids: DeliveryIds;
  readonly suspects: Suspects;
  /** The deliveries that the worker has became fewer. */
  readonly onEnded?: () => void;
}

/** A delivery without an outcome. */
interface Order<D extends Delivery = Delivery> {
  readonly delivery: D;
  readonly onOutcome: OnOutcome<D>;
  readonly messageId: string;
  /** Undefined while it waits. */
  given: Given | undefined;
  /** It is in the line of those that wait. */
  waits: boolean;
  ended: boolean;
}

interface Given {
  readonly deliveryId: string;
  readonly at: number;
  timer: NodeJS.Timeout;
}

/**
 * The deliveries of one consumer on their way to a worker and back: never more with the worker than its concurrency, each
 * with a deadline, each ended once. A message that is suspected of having ended a worker is given out alone.
 */
export class Desk implements ConsumerExecutor {
  readonly depth = Number.POSITIVE_INFINITY;
  /** Whether it hands back all deliveries, because there is no worker for now. */
  closed = false;
  readonly #options: DeskOptions;
  #concurrency: number;
  #line: WorkerLine | undefined;
  #quiet = false;
  readonly #waiting = new WaitingLine<Order>();
  readonly #given = new Map<string, Order>();
  /** The suspect that the worker has. It has nothing else. */
  #onTrial: Order | undefined;
  #pumping = false;

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency;
  }

  /** Most deliveries that the worker has at a time. */
  get concurrency(): number {
    return this.#concurrency;
  }

  /** What the desk was made with: the worker may take less. */
  get mostConcurrency(): number {
    return this.#options.concurrency;
  }

  /** How many deliveries the worker has. */
  get given(): number {
    return this.#given.size;
  }

  execute<D extends Delivery>(delivery: D, onOutcome: OnOutcome<D>): RunningAttempt {
    const parsed = parseMessage(delivery.message);
    const order: Order<D> = {
      delivery,
      onOutcome,
      messageId: parsed.valid ? parsed.messageId : '',
      given: undefined,
      waits: false,
      ended: false,
    };
    // The cast is safe: the callback gets this very delivery.
    const own = order as unknown as Order;
    if (!parsed.valid) this.#end(own, { kind: 'invalid', reason: parsed.reason, error: parsed.error });
    else if (this.closed || this.#quiet) this.#end(own, INTERRUPTED);
    else {
      own.waits = true;
      this.#waiting.push(own);
      this.pump();
    }
    return { interrupt: (reason) => this.#interrupt(own, reason) };
  }

  /** What waits ends as interrupted, and so does what comes, until {@link resume}. */
  quiet(): void {
    this.#quiet = true;
    this.#endWaiting();
  }

  resume(): void {
    this.#quiet = false;
  }

  /** Hands back what waits and what comes, until {@link attach}. */
  close(): void {
    this.closed = true;
    this.#endWaiting();
  }

  /** There is a worker. @param concurrency what it can do; not more than the desk was made with */
  attach(line: WorkerLine, concurrency = this.#options.concurrency): void {
    this.#line = line;
    this.closed = false;
    this.limit(concurrency);
    this.pump();
  }

  /** The worker says how many it takes at a time. */
  limit(concurrency: number): void {
    this.#concurrency = Math.min(concurrency, this.#options.concurrency);
  }

  /** There is no worker for now. What it had stays given. */
  detach(): void {
    this.#line = undefined;
  }

  /** Gives out all that the worker may have now. */
  pump(): void {
    // A delivery that is answered at once makes room within this loop, not within a nested one.
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#giveFirst());
    this.#pumping = false;
  }

  /** Gives out the delivery whose turn it is. Returns false if there is none, or if it may not be given out yet. */
  #giveFirst(): boolean {
    const line = this.#line;
    if (!line || this.#onTrial || this.#given.size >= this.#concurrency || line.congested) return false;
    const order = this.#waiting.first;
    if (!order) return false;
    const suspected = this.#options.suspects.has(order.delivery.inboxId);
    // Those behind it wait too: else it might never be alone.
    if (suspected && this.#given.size > 0) return false;
    this.#waiting.shift();
    order.waits = false;
    if (suspected) this.#onTrial = order;
    this.#give(order, line);
    return true;
  }

  /** The result of a delivery has come. Returns false if it no longer counts. */
  answer(deliveryId: string, data: string): boolean {
    const order = this.#given.get(deliveryId);
    if (!order) return false;
    const error = tooLarge(data);
    if (error) this.#end(order, { kind: 'failed', reason: 'failed', error });
    else this.#end(order, { kind: 'processed', messageId: order.messageId, data });
    this.pump();
    return true;
  }

  /** The attempt has failed. Returns false if its outcome no longer counts. */
  fail(deliveryId: string, { error, dead, retryAfter }: WorkerFailure): boolean {
    const order = this.#given.get(deliveryId);
    if (!order) return false;
    this.#end(
      order,
      dead
        ? { kind: 'given-up', error }
        : { kind: 'failed', reason: 'failed', error, ...(retryAfter !== undefined && { retryAfter }) },
    );
    this.pump();
    return true;
  }

  /** Sets the deadline of a delivery: ms from now. Returns false if it no longer counts. */
  extend(deliveryId: string, ms: number): boolean {
    const given = this.#given.get(deliveryId)?.given;
    if (!given) return false;
    clearTimeout(given.timer);
    given.timer = this.#deadline(deliveryId, ms);
    return true;
  }

  /** Takes everything back, without an attempt counted: the worker is gone, and no delivery is to blame. */
  recall(): void {
    this.#recall([...this.#given.values()]);
  }

  /**
   * The worker has closed its connection, and did not say before that it would. It takes back everything, without an attempt
   * counted; but a message that comes back from one worker after the other has failed.
   *
   * @param why for the error of the failed attempt
   */
  takeBack(why: string): void {
    const inboxIds = [...this.#given.values()].map(({ delivery }) => delivery.inboxId);
    const [inboxId] = inboxIds;
    if (inboxId !== undefined && inboxIds.length === 1 && this.#options.suspects.returnsOften(inboxId))
      this.blame(why);
    else {
      this.#options.suspects.returned(inboxIds);
      this.recall();
    }
  }

  /**
   * The worker has ended, and its deliveries may be to blame: a single one has failed. Several are suspected from now on, and
   * wait again, before all others.
   *
   * @param why for the error of the failed attempt
   */
  blame(why: string): void {
    const orders = [...this.#given.values()];
    const [order] = orders;
    if (order && orders.length === 1) {
      this.#options.suspects.found(order.delivery.inboxId);
      this.#end(order, { kind: 'failed', reason: 'failed', error: why, retryAfter: 0 });
    } else {
      this.#options.suspects.add(orders.map(({ delivery }) => delivery.inboxId));
      this.#recall(orders);
    }
  }

  /** Whether the worker has one of these deliveries. */
  hasAny(deliveryIds: ReadonlySet<string>): boolean {
    for (const id of this.#given.keys()) if (deliveryIds.has(id)) return true;
    return false;
  }

  /**
   * The worker is back. What it does not hold any more waits again. Call it before {@link attach}, which gives out more.
   * Returns the ids that still count.
   */
  keep(holds: readonly string[]): string[] {
    const held = new Set(holds);
    this.#recall([...this.#given].filter(([id]) => !held.has(id)).map(([, order]) => order));
    return [...this.#given.keys()];
  }

  /** Ends all deliveries as interrupted. */
  endAll(): void {
    for (const order of [...this.#given.values()]) this.#end(order, INTERRUPTED);
    this.#endWaiting();
  }

  #give(order: Order, line: WorkerLine): void {
    const { consumerId, timeout, ids } = this.#options;
    const { inboxId, message, attempt, traceparent } = order.delivery;
    const deliveryId = ids.next();
    order.given = { deliveryId, at: performance.now(), timer: this.#deadline(deliveryId, timeout) };
    this.#given.set(deliveryId, order);
    line.process({
      deliveryId,
      message: String(message),
      attempt,
      deadline: timeout,
      consumerId,
      inboxId,
      traceparent,
    });
  }

  #deadline(deliveryId: string, ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      const order = this.#given.get(deliveryId);
      if (!order) return;
      const error = `no answer of the worker within ${ms} ms`;
      this.#line?.cancel(deliveryId, error, ms);
      this.#end(order, { kind: 'failed', reason: 'timeout', error });
      this.pump();
    }, ms);
  }

  #interrupt(order: Order, reason: string): void {
    if (order.ended) return;
    if (order.given) this.#line?.cancel(order.given.deliveryId, reason);
    this.#end(order, INTERRUPTED);
    this.pump();
  }

  #endWaiting(): void {
    for (const order of this.#waiting.takeAll()) {
      order.waits = false;
      this.#end(order, INTERRUPTED);
    }
  }

  #recall(given: readonly Order[]): void {
    // One that was taken back before has been given out later than younger ones.
    const orders = given.toSorted((a, b) => compareIds(a.delivery.inboxId, b.delivery.inboxId));
    for (const order of orders) this.#unassign(order);
    if (this.#quiet || this.closed) for (const order of orders) this.#end(order, INTERRUPTED);
    else {
      for (const order of orders) order.waits = true;
      this.#waiting.unshift(orders);
    }
    this.pump();
  }

  #unassign(order: Order): void {
    if (!order.given) return;
    clearTimeout(order.given.timer);
    this.#given.delete(order.given.deliveryId);
    order.given = undefined;
    if (this.#onTrial === order) this.#onTrial = undefined;
  }

  #end(order: Order, outcome: Outcome): void {
    if (order.ended) return;
    order.ended = true;
    const { given } = order;
    const busy = given ? performance.now() - given.at : 0;
    this.#unassign(order);
    if (order.waits) this.#waiting.onEnded();
    if (outcome.kind !== 'interrupted') this.#options.suspects.clear(order.delivery.inboxId);
    const kept = 'error' in outcome ? { ...outcome, error: cutError(outcome.error) } : outcome;
    order.onOutcome(order.delivery, kept, busy);
    if (given) this.#options.onEnded?.();
  }
}
