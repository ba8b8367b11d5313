import { performance } from 'node:perf_hooks';
import { messageOf } from '../core/errors.js';
import type { ConsumerExecutor, Executor } from '../core/executor.js';
import { pause } from '../core/service.js';
import { cutText } from '../log/bounded.js';
import type { Logger } from '../log/logger.js';
import { REMIND_EVERY, repeatedFailures, repeatedWarnings, ThrottledLog } from '../log/throttle.js';
import { parseFromGroup, parseHelloResult, type WorkerDelivery } from '../protocol/from-group.js';
import { errorLine, notificationLine, requestLine } from '../protocol/rpc.js';
import { type Hello, type HelloResult, PROTOCOL } from '../protocol/schema.js';
import { BackOff } from './back-off.js';
import { GroupSocket, type SocketEnd } from './group-socket.js';
import { HeldDeliveries } from './held-deliveries.js';

/** The id of the request `hello`. */
const HELLO = 'hello';
/** The group then knows that what comes back is not to blame. */
const QUIET = notificationLine('quiet', {});
/** ms between two looks whether the processor can run again. */
const LOOK_AGAIN = 500;
/** Characters of what the group says. */
const LONGEST_COMPLAINT = 500;

const STOPPED: SocketEnd = { why: 'this worker stops', kind: 'clean' };

/** A connection that stands. */
export interface GroupConnection {
  readonly url: string;
  readonly group: string;
  readonly channel: string;
  /** The consumer that this worker is: its results carry this id. */
  readonly consumerId: string;
}

export interface LinkOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly name: string;
  /** How many deliveries to take at a time. */
  readonly concurrency: number;
  readonly executor: Executor;
  readonly log: Logger;
  readonly onConnected: (connection: GroupConnection) => void;
  readonly onDisconnected: (why: string) => void;
}

/**
 * The worker at one address: connects to the process there again and again, and works as a consumer of it. What it works on
 * outlives a broken connection for the group's lease.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #failures: ThrottledLog<unknown>;
  readonly #refusals: ThrottledLog<unknown>;
  readonly #complaints: ThrottledLog<string>;
  readonly #late: ThrottledLog<void>;
  readonly #backOff = new BackOff();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #socket: GroupSocket | undefined;
  #held: HeldDeliveries | undefined;
  /** Ends what is held when there is no connection for too long. */
  #lease = { ms: 0, timer: undefined as NodeJS.Timeout | undefined };
  #onEmpty: (() => void) | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    const { log, url } = options;
    this.#failures = repeatedFailures(log, `there is no connection to ${url}`, 'warn');
    this.#refusals = repeatedFailures(log, `${url} refuses this worker`, 'warn');
    this.#complaints = complaints(log);
    this.#late = repeatedWarnings(log, (late) => [
      { late },
      'the group says that an answer came too late: raise its setting timeout, or make the processor faster',
    ]);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Takes nothing more, and finishes what it has. @param deadline ends what is still in work then */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#stopping.abort();
    this.#socket?.send(QUIET);
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      deadline.addEventListener('abort', () => resolve(), { once: true });
      if (!this.#held?.size || deadline.aborted) resolve();
    });
    // A connection that breaks now is not made again: then there is nothing to wait for.
    if (this.#socket) await Promise.race([empty, this.#running]);
    this.#held?.cancelAll('the worker stops');
    this.#socket?.close(STOPPED);
    await this.#running;
    this.#drop();
    for (const log of [this.#failures, this.#refusals, this.#complaints, this.#late]) log.stop();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const { kind, why, stood } = await this.#connect();
      if (kind !== 'broken') this.#held?.cancelAll(why);
      else if (this.#held) this.#lease.timer ??= setTimeout(() => this.#giveUp(), this.#lease.ms);
      if (signal.aborted) break;
      (kind === 'refused' ? this.#refusals : this.#failures).add(why);
      await pause(this.#backOff.next(kind === 'refused', stood), signal);
      while (this.#held?.closed && !signal.aborted) await pause(LOOK_AGAIN, signal);
    }
  }

  #giveUp(): void {
    this.#held?.cancelAll(`there is no connection to the group for ${this.#lease.ms} ms`);
  }

  /** One connection, from its beginning to its end. */
  #connect(): Promise<SocketEnd & { readonly stood: number }> {
    const { url, token, onDisconnected } = this.#options;
    return new Promise((resolve) => {
      const session: Session = { greeted: false, refusal: undefined, since: undefined, early: [] };
      const socket = new GroupSocket({
        url,
        token,
        onOpen: () => socket.send(requestLine(HELLO, 'hello', this.#hello())),
        onText: (text) => this.#receive(text, socket, session),
        onEnd: (end) => {
          this.#socket = undefined;
          const stood = session.since === undefined ? 0 : performance.now() - session.since;
          if (session.since !== undefined) onDisconnected(end.why);
          resolve({ kind: end.kind, why: session.refusal ?? end.why, stood });
        },
      });
      this.#socket = socket;
    });
  }

  #hello(): Hello {
    const { name, concurrency } = this.#options;
    return { name, concurrency, protocol: PROTOCOL, holds: this.#held?.ids ?? [] };
  }

  #receive(text: string, socket: GroupSocket, session: Session): void {
    const message = parseFromGroup(text);
    switch (message.kind) {
      case 'process':
        if (session.since === undefined) session.early.push(message.delivery);
        else this.#held?.begin(message.delivery);
        return;
      case 'cancel':
        if (message.reason.startsWith('late')) this.#late.add();
        session.early = session.early.filter(({ deliveryId }) => deliveryId !== message.deliveryId);
        this.#held?.cancel(message.deliveryId, message.reason);
        return;
      case 'quiet':
        this.#options.log.info(
          {},
          'the group gives out no messages for now: it is paused, or its process stops',
        );
        return;
      case 'result':
        if (message.id === HELLO && !session.greeted) void this.#greet(message.result, socket, session);
        return;
      case 'error': {
        const said = errorText(message.error);
        // The group closes the connection itself, with a code that says whether to come again soon.
        if (message.id === HELLO) session.refusal = `hello is refused: ${said}`;
        else this.#complaints.add(`the group says: ${said}`);
        return;
      }
      case 'invalid':
        this.#complaints.add(`the group sends what this worker does not understand: ${message.error}`);
        if (message.id !== undefined) socket.send(errorLine(message.id, message.code, message.error));
    }
  }

  /** The group has taken this worker in. */
  async #greet(result: unknown, socket: GroupSocket, session: Session): Promise<void> {
    const { url, log, onConnected } = this.#options;
    session.greeted = true;
    const hello = parseHelloResult(result);
    if (typeof hello === 'string') {
      socket.close({ why: hello, kind: 'refused' });
      return;
    }
    socket.limitSilence(hello.lease);
    clearTimeout(this.#lease.timer);
    this.#lease = { ms: hello.lease, timer: undefined };
    try {
      await this.#workAs(hello, socket);
    } catch (error) {
      handBack(socket, messageOf(error));
      return;
    }
    if (this.#socket !== socket) return;
    session.since = performance.now();
    this.#failures.over();
    this.#refusals.over();
    const { group, channel, consumer_id: consumerId, resumed } = hello;
    log.info(
      { consumer: consumerId, group, channel, resumed: resumed.length },
      `connected to ${url}: consumer ${consumerId} of the group ${group}`,
    );
    onConnected({ url, group, channel, consumerId });
    for (const delivery of session.early.splice(0)) this.#held?.begin(delivery);
  }

  /** Works as the consumer that the group says: the one of before goes on, or another one takes its place. */
  async #workAs({ consumer_id: consumerId, resumed }: HelloResult, socket: GroupSocket): Promise<void> {
    if (this.#held?.consumerId === consumerId) {
      this.#held.resume(resumed);
      return;
    }
    const executor = await this.#options.executor.add(consumerId);
    if (this.#socket !== socket) {
      // The connection has ended meanwhile, and the next one may be another consumer already.
      this.#options.executor.remove(consumerId);
      return;
    }
    this.#drop();
    this.#held = this.#holder(consumerId, executor);
  }

  #holder(consumerId: string, executor: ConsumerExecutor): HeldDeliveries {
    return new HeldDeliveries({
      consumerId,
      executor,
      send: (line) => this.#socket?.send(line) === true,
      onHandedBack: () => this.#socket && handBack(this.#socket, 'the processor cannot run for now'),
      onEnded: () => {
        if (this.#held?.size === 0) this.#onEmpty?.();
      },
    });
  }

  /** Ends the consumer that this worker was. */
  #drop(): void {
    clearTimeout(this.#lease.timer);
    if (!this.#held) return;
    this.#held.cancelAll('the group has given the messages to another consumer');
    this.#options.executor.remove(this.#held.consumerId);
    this.#held = undefined;
  }
}

interface Session {
  /** The group has answered hello. */
  greeted: boolean;
  /** Why the group does not take this worker. */
  refusal: string | undefined;
  /** When the group took this worker in, by the monotonic clock. */
  since: number | undefined;
  /** Deliveries that came before this worker could begin them. */
  early: WorkerDelivery[];
}

/** The group takes back all deliveries. */
function handBack(socket: GroupSocket, why: string): void {
  socket.send(QUIET);
  socket.close({ why, kind: 'clean' });
}

/** A warning at once, and every 30 s while it goes on. */
function complaints(log: Logger): ThrottledLog<string> {
  return new ThrottledLog<string>({
    interval: REMIND_EVERY,
    write: (count, last) => log.warn({ count }, last),
  });
}

/** What an error of JSON-RPC says. */
function errorText(error: unknown): string {
  const { message } = (error ?? {}) as { message?: unknown };
  return cutText(typeof message === 'string' ? message : JSON.stringify(error), LONGEST_COMPLAINT);
}
