import { plural } from '../../core/words.js';
import { cutText } from '../../log/bounded.js';
import type { Logger } from '../../log/logger.js';
import { isClean, NO_GOOD_HELLO, NO_HELLO, POLICY } from '../../protocol/close-codes.js';
import { processLine, type WorkerDelivery } from '../../protocol/from-group.js';
import { type FromWorker, parseFromWorker } from '../../protocol/from-worker.js';
import {
  errorLine,
  INVALID_REQUEST,
  notificationLine,
  type RpcId,
  resultLine,
  TOO_LATE,
} from '../../protocol/rpc.js';
import type { Hello, HelloResult } from '../../protocol/schema.js';
import type { DeliveryIds } from '../desk/delivery-ids.js';
import { StallDetector } from '../threads/stall-detector.js';
import type { SessionEnd, WorkerConsumer, WorkerSession } from './worker-consumer.js';

/** The connection to a worker, as a session needs it. */
export interface WorkerConnection {
  /** Where the worker is, for the log. */
  readonly address: string;
  /** Bytes that have come: they rise as long as the worker lives. */
  readonly received: number;
  /** Bytes that wait to be sent. */
  readonly unsent: number;
  send(line: string): void;
  ping(): void;
  /** Reads no further, until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Ends it with a reason for the worker; by force, if the worker does not end it within a second. */
  close(code: number, reason: string): void;
  /** Ends it at once. */
  terminate(): void;
}

/** Times that a session keeps, ms. */
export interface SessionTimes {
  /** Between two pings. */
  readonly heartbeat: number;
  /** Silence after which a worker is dead. */
  readonly lease: number;
}

export interface WorkerSessionOptions extends SessionTimes {
  readonly connection: WorkerConnection;
  readonly ids: DeliveryIds;
  readonly log: Logger;
  /** The first message: {@link Session.welcome} or {@link Session.refuse} is the answer. */
  readonly onHello: (hello: Hello) => void;
  /** A message that is not understood. */
  readonly onWrong: (error: string) => void;
  /** Lines of the worker's log were dropped. */
  readonly onDropped: (count: number) => void;
  /** Called once. */
  readonly onEnd: (end: SessionEnd) => void;
}

/** ms between two calls of {@link Session.tick}. */
export const TICK = 100;
/** ms */
const HELLO_WITHIN = 10_000;
/** Bytes before hello, which may name 10,000 deliveries. */
const MOST_BEFORE_HELLO = 4 * 2 ** 20;
/** Wrong messages in a row after which a worker is cut off. */
const MOST_WRONG = 100;
/** Messages in a tick that are no answer to a delivery: beyond that the connection is not read until the next tick. */
const MOST_EXTRA = 1_000;
/** Lines of a worker's log in a tick. */
const MOST_LINES = 100;
/** Unsent bytes from which on the worker gets no further deliveries, and above which it is cut off. */
const CONGESTED = 2 ** 20;
const MOST_UNSENT = 64 * 2 ** 20;

/** One connection of a remote worker, from its hello to its end: what the messages of both sides mean. No sockets, no clock. */
export class Session implements WorkerSession {
  /** The consumer that the worker works for; undefined before its hello is answered. */
  consumer: WorkerConsumer | undefined;
  readonly #options: WorkerSessionOptions;
  readonly #stall = new StallDetector();
  #state: 'new' | 'joining' | 'open' | 'ended' = 'new';
  #helloId: RpcId = null;
  #name: string | undefined;
  /** The worker takes nothing more. */
  #saidQuiet = false;
  #wrong = 0;
  #extra = 0;
  #lines = 0;
  #dropped = 0;
  #paused = false;
  /** ms since the connection was made, and since the last ping. */
  #age = 0;
  #sincePing = 0;
  #lastTick: number | undefined;
  /** Bytes of the last delivery, at most. It was sent when little waited, and may be larger than what may wait. */
  #lastDelivery = 0;

  constructor(options: WorkerSessionOptions) {
    this.#options = options;
  }

  /** The worker in words. */
  get worker(): string {
    const { address } = this.#options.connection;
    return this.#name === undefined ? `at ${address}` : `${this.#name} at ${address}`;
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** Whether the worker has said that it takes nothing more. */
  get saidQuiet(): boolean {
    return this.#saidQuiet;
  }

  get congested(): boolean {
    return this.#options.connection.unsent > CONGESTED;
  }

  process(delivery: WorkerDelivery): void {
    const line = processLine(delivery);
    this.#lastDelivery = 3 * line.length;
    this.#send(line);
  }

  cancel(deliveryId: string, reason: string): void {
    this.#send(notificationLine('cancel', { delivery_id: deliveryId, reason }));
  }

  /** The worker gets nothing more for now. */
  quiet(): void {
    if (!this.#saidQuiet) this.#send(notificationLine('quiet', {}));
  }

  /** The answer to hello. Deliveries may follow. */
  welcome(result: HelloResult): void {
    if (this.#state !== 'joining') return;
    this.#state = 'open';
    this.#send(resultLine(this.#helloId, result));
  }

  /** The worker cannot be taken now. */
  refuse(code: number, error: string): void {
    this.#send(errorLine(this.#helloId, INVALID_REQUEST, error));
    this.end(code, error);
  }

  /** Ends the connection. */
  end(code: number, why: string, clean = false): void {
    if (this.ended) return;
    this.#options.connection.close(code, why);
    this.#end({ clean, mayResume: true, why });
  }

  /** A text frame has come. */
  onMessage(text: string): void {
    if (this.ended) return;
    const message = parseFromWorker(text);
    if (this.#state === 'new' && message.kind !== 'hello' && message.kind !== 'invalid') {
      this.#onWrong(null, INVALID_REQUEST, `${message.kind} before hello`);
      return;
    }
    if (message.kind === 'answer' || message.kind === 'failure') {
      const desk = this.consumer?.desk;
      const { deliveryId } = message;
      const counts =
        message.kind === 'answer'
          ? desk?.answer(deliveryId, message.result)
          : desk?.fail(deliveryId, message);
      this.#wrong = 0;
      if (counts) return;
      this.#late(deliveryId, null);
    } else this.#onRequest(message);
    this.#onExtra();
  }

  onBinary(): void {
    this.#onWrong(null, INVALID_REQUEST, 'a binary frame: send text frames');
    this.#onExtra();
  }

  /** A ping, or a pong. */
  onSignOfLife(): void {
    this.#onExtra();
  }

  /** Something was sent: there may be room for deliveries. */
  onDrain(): void {
    if (!this.congested) this.consumer?.desk.pump();
  }

  /** The connection has ended. @param why more than the code says */
  onClose(code: number, why: string | undefined): void {
    const clean = why === undefined && (isClean(code) || this.#saidQuiet);
    const how = clean ? 'it closed the connection' : `the connection ended (${why ?? `code ${code}`})`;
    this.#end({ clean, mayResume: true, why: how });
  }

  /** Something is wrong with the connection: what the worker sends is not read any more. */
  onBroken(why: string): void {
    this.#end({ clean: false, mayResume: true, why });
  }

  /** Call it every {@link TICK} ms, when what has come was read. @param now ms of the monotonic clock */
  tick(now: number): void {
    const { connection, heartbeat, lease, onDropped } = this.#options;
    if (this.ended) return;
    const passed = now - (this.#lastTick ?? now);
    this.#lastTick = now;
    this.#age += passed;
    this.#sincePing += passed;
    this.#extra = 0;
    this.#lines = 0;
    if (this.#dropped > 0) onDropped(this.#dropped);
    this.#dropped = 0;
    if (this.#paused) {
      this.#paused = false;
      connection.resume();
    }
    if (this.#state === 'new' && this.#age > HELLO_WITHIN)
      this.end(NO_HELLO, `no hello within ${HELLO_WITHIN / 1_000} s`);
    else if (this.#state === 'new' && connection.received > MOST_BEFORE_HELLO)
      this.#cutOff(`more than ${MOST_BEFORE_HELLO / 2 ** 20} MB came before its hello`);
    else if (this.#stall.silence(connection.received, now) >= lease)
      this.#cutOff(`it was silent for ${lease} ms`);
    else if (connection.unsent > MOST_UNSENT + this.#lastDelivery)
      this.#cutOff(`it reads too slowly: ${connection.unsent} bytes wait for it`);
    else if (this.#sincePing >= heartbeat) {
      this.#sincePing = 0;
      connection.ping();
    }
  }

  #onRequest(message: Exclude<FromWorker, { kind: 'answer' | 'failure' }>): void {
    if (message.kind === 'invalid') {
      this.#onWrong(message.id, message.code, message.error);
      return;
    }
    if (message.kind === 'hello') {
      this.#onHello(message.id, message.hello);
      return;
    }
    this.#wrong = 0;
    switch (message.kind) {
      case 'extend':
        if (!this.consumer?.desk.extend(message.deliveryId, message.ms))
          this.#late(message.deliveryId, message.id ?? null);
        else if (message.id !== undefined) this.#send(resultLine(message.id, true));
        break;
      case 'log':
        if (++this.#lines > MOST_LINES) this.#dropped++;
        else this.#options.log[message.level](this.#fields(), cutText(message.msg));
        break;
      case 'quiet':
        this.#saidQuiet = true;
        this.consumer?.leave();
        break;
    }
  }

  #onHello(id: RpcId, hello: Hello): void {
    if (this.#state !== 'new') {
      this.#onWrong(id, INVALID_REQUEST, 'hello was said before: say it once');
      return;
    }
    this.#state = 'joining';
    this.#helloId = id;
    this.#name = hello.name;
    this.#options.onHello(hello);
  }

  #late(deliveryId: string, id: RpcId): void {
    if (id !== null)
      this.#send(errorLine(id, TOO_LATE, `late: the answer to ${cutText(deliveryId, 200)} no longer counts`));
    else if (this.#options.ids.wasGiven(deliveryId))
      this.cancel(
        deliveryId,
        'late: this delivery was answered before, cancelled, or given to another worker',
      );
    else
      this.#send(
        errorLine(
          null,
          TOO_LATE,
          `no delivery of this process has the id ${JSON.stringify(cutText(deliveryId, 200))}`,
        ),
      );
  }

  #onWrong(id: RpcId | undefined, code: number, error: string): void {
    this.#options.onWrong(error);
    this.#send(errorLine(id ?? null, code, error));
    if (this.#state === 'new')
      this.end(NO_GOOD_HELLO, `the first message must be a hello of protocol 1: ${error}`);
    else if (++this.#wrong >= MOST_WRONG)
      this.end(POLICY, `${plural(MOST_WRONG, 'wrong message')} in a row, the last: ${error}`);
  }

  /** A worker that floods is read no faster than others can stand. */
  #onExtra(): void {
    if (++this.#extra < MOST_EXTRA || this.#paused || this.ended) return;
    this.#paused = true;
    this.#options.connection.pause();
  }

  /** It is not worth waiting for. */
  #cutOff(why: string): void {
    this.#options.connection.terminate();
    this.#end({ clean: false, mayResume: false, why });
  }

  #send(line: string): void {
    if (!this.ended) this.#options.connection.send(line);
  }

  #fields(): object {
    return { worker: this.#name, consumer: this.consumer?.id };
  }

  #end(end: SessionEnd): void {
    if (this.ended) return;
    this.#state = 'ended';
    if (this.#dropped > 0) this.#options.onDropped(this.#dropped);
    this.#options.onEnd(end);
  }
}
