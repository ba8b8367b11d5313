import { performance } from 'node:perf_hooks';
import { messageOf } from '../../core/errors.js';
import type { ConsumerExecutor, Executor } from '../../core/executor.js';
import { pause } from '../../core/service.js';
import { plural } from '../../core/words.js';
import type { Logger } from '../../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../../log/throttle.js';
import { GOING_AWAY, TRY_AGAIN } from '../../protocol/close-codes.js';
import type { Hello } from '../../protocol/schema.js';
import { DeliveryIds } from '../desk/delivery-ids.js';
import { Suspects } from '../desk/suspects.js';
import { WorkerNotices } from './notices.js';
import { Session, type SessionTimes, TICK, type WorkerConnection } from './session.js';
import { type SessionEnd, WorkerConsumer } from './worker-consumer.js';

/** Most connections of workers, those that have not said hello included. */
const MOST_WORKERS = 1_000;
/** ms that workers get to close their connections when the group stops. */
const CLOSES_WITHIN = 500;

/** A consumer that works for the group as long as its worker is there. */
export interface JoiningConsumer {
  readonly id: string;
  readonly concurrency: number;
  readonly executor: ConsumerExecutor;
}

/** Adds a consumer to the group. The function that it resolves to makes it leave, and resolves when it has left. */
export type Join = (consumer: JoiningConsumer) => Promise<() => Promise<unknown>>;

export interface WorkerHubOptions extends SessionTimes {
  readonly group: string;
  readonly channel: string;
  /** The id of this process in the group. */
  readonly processId: string;
  /** The id of the next consumer for a worker with this name. */
  readonly nextConsumerId: (worker: string) => string;
  /** Of one attempt, ms. */
  readonly timeout: number;
  readonly log: Logger;
}

/** All remote workers of a process: each has a consumer, which comes and goes with it. */
export class WorkerHub implements Executor {
  readonly #options: WorkerHubOptions;
  readonly #ids: DeliveryIds;
  readonly #suspects = new Suspects();
  readonly #notices: WorkerNotices;
  readonly #joinFailures: ThrottledLog<unknown>;
  readonly #sessions = new Map<Session, WorkerConnection>();
  readonly #consumers = new Set<WorkerConsumer>();
  #join: Join | undefined;
  #stopped = false;
  #ticks: NodeJS.Timeout | undefined;

  constructor(options: WorkerHubOptions) {
    this.#options = options;
    this.#ids = new DeliveryIds(options.processId);
    this.#notices = new WorkerNotices(options.log);
    this.#joinFailures = repeatedFailures(options.log, 'workers cannot be added to the group');
  }

  /** How many workers take part. */
  get workers(): number {
    let count = 0;
    for (const { works } of this.#consumers) if (works) count++;
    return count;
  }

  /** Why no further worker can connect now, in words; undefined if one can. */
  get refusal(): string | undefined {
    if (this.#stopped) return 'the group stops: connect to another process';
    if (!this.#join) return 'the group is starting: try again';
    if (this.#sessions.size >= MOST_WORKERS)
      return `${MOST_WORKERS} workers are connected, which is the most: connect to another process`;
    return undefined;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  /** Workers can connect from now on. Call it when the group is ready. */
  open(join: Join): void {
    if (this.#stopped) return;
    this.#join = join;
    // When a tick comes late, what the workers sent meanwhile is read first: they were not silent.
    this.#ticks = setInterval(() => setImmediate(() => this.#tick()), TICK).unref();
  }

  /** Begins the session of a worker that has connected. Call its methods with what comes. */
  accept(connection: WorkerConnection): Session {
    const { heartbeat, lease, log } = this.#options;
    const { wrong, dropped } = this.#notices;
    const session: Session = new Session({
      connection,
      ids: this.#ids,
      heartbeat,
      lease,
      log,
      onHello: (hello) => this.#onHello(session, hello),
      onWrong: (error) => wrong.add({ worker: session.worker, text: ` sent a wrong message: ${error}` }),
      onDropped: (count) =>
        dropped.add({
          worker: session.worker,
          text: ` logs too much: ${plural(count, 'line was', 'lines were')} dropped`,
          fields: { lines: count },
        }),
      onEnd: (end) => this.#onEnd(session, end),
    });
    this.#sessions.set(session, connection);
    return session;
  }

  /** The consumers of workers bring their executors with them. */
  add(consumerId: string): Promise<ConsumerExecutor> {
    return Promise.reject(new TypeError(`${consumerId} has no worker`));
  }

  remove(): void {}

  /** Closes all connections. Call it when the consumers have left. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#ticks);
    const connections = [...this.#sessions.values()];
    for (const session of this.#sessions.keys()) session.end(GOING_AWAY, 'the group stops', true);
    this.#notices.flush();
    if (connections.length === 0) return;
    await pause(CLOSES_WITHIN);
    for (const connection of connections) connection.terminate();
  }

  #tick(): void {
    const now = performance.now();
    for (const session of this.#sessions.keys()) session.tick(now);
  }

  #onHello(session: Session, hello: Hello): void {
    const { holds } = hello;
    const known = holds.length > 0 ? this.#holderOf(hello) : undefined;
    if (known) this.#welcome(session, known, hello, known.takeBack(holds));
    else void this.#addConsumer(session, hello);
  }

  /** The consumer with this name that has given one of these deliveries to its worker. */
  #holderOf({ name, holds }: Hello): WorkerConsumer | undefined {
    const ids = new Set(holds);
    for (const consumer of this.#consumers)
      if (consumer.name === name && consumer.desk.hasAny(ids)) return consumer;
    return undefined;
  }

  async #addConsumer(session: Session, hello: Hello): Promise<void> {
    const { nextConsumerId, timeout } = this.#options;
    const { name, concurrency } = hello;
    const consumer = new WorkerConsumer({
      name,
      consumerId: nextConsumerId(name),
      concurrency,
      timeout,
      ids: this.#ids,
      suspects: this.#suspects,
    });
    try {
      const leave = await this.#join?.({ id: consumer.id, concurrency, executor: consumer.executor });
      if (!leave) return;
      this.#joinFailures.over();
      this.#consumers.add(consumer);
      consumer.joined(() => {
        const gone = () => {
          this.#consumers.delete(consumer);
          if (!this.#stopped) consumer.left();
        };
        leave().then(gone, gone);
      });
      if (session.ended || session.saidQuiet) consumer.leave();
      if (!session.ended) this.#welcome(session, consumer, hello, []);
    } catch (error) {
      this.#joinFailures.add(error);
      session.refuse(TRY_AGAIN, `no consumer can be added for now (${messageOf(error)}): try again`);
    }
  }

  #welcome(session: Session, consumer: WorkerConsumer, hello: Hello, resumed: string[]): void {
    const { group, channel, heartbeat, lease } = this.#options;
    const concurrency = Math.min(hello.concurrency, consumer.desk.mostConcurrency);
    session.welcome({ group, channel, heartbeat, lease, consumer_id: consumer.id, concurrency, resumed });
    consumer.attach(session, concurrency);
    const again = resumed.length > 0 ? `, back with ${plural(resumed.length, 'message')} in work` : '';
    this.#notices.connected.add({
      worker: session.worker,
      text: ` connected: consumer ${consumer.id}, ${concurrency} at a time${again}`,
      fields: { consumer: consumer.id, concurrency },
    });
  }

  #onEnd(session: Session, end: SessionEnd): void {
    this.#sessions.delete(session);
    const { consumer } = session;
    consumer?.lose(session, end);
    if (this.#stopped) return;
    const notices = end.clean ? this.#notices.left : this.#notices.lost;
    const text = ` ${end.clean ? 'left' : 'was lost'}: ${end.why}`;
    notices.add({ worker: session.worker, text, fields: { consumer: consumer?.id } });
  }
}
