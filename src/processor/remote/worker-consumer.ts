import type { ConsumerExecutor } from '../../core/executor.js';
import { GOING_AWAY, REPLACED } from '../../protocol/close-codes.js';
import { Desk, type DeskOptions, type WorkerLine } from '../desk/desk.js';

/** ms in which a worker whose connection broke may come back. */
const COMES_BACK_WITHIN = 500;

/** How a session ended. */
export interface SessionEnd {
  /** The worker wanted it, and has given back what it had. */
  readonly clean: boolean;
  /** Whether the worker may come back and go on. */
  readonly mayResume: boolean;
  readonly why: string;
}

/** The connection to a worker. */
export interface WorkerSession extends WorkerLine {
  /** The consumer that the worker works for. */
  consumer: WorkerConsumer | undefined;
  /** Whether the worker has said that it takes nothing more. */
  readonly saidQuiet: boolean;
  /** The worker gets nothing more for now. */
  quiet(): void;
  /** Ends the connection. @param clean whether what the worker has is given back, and nothing is to blame */
  end(code: number, why: string, clean?: boolean): void;
}

export interface WorkerConsumerOptions extends DeskOptions {
  /** Of the worker. */
  readonly name: string;
}

/** The consumer of one remote worker. It outlives a connection that breaks, if the worker comes back soon. */
export class WorkerConsumer {
  readonly name: string;
  readonly id: string;
  readonly desk: Desk;
  /** The deliveries of the consumer go to the desk; a pause goes to the worker too. */
  readonly executor: ConsumerExecutor;
  #session: WorkerSession | undefined;
  #leave: (() => void) | undefined;
  #leaving = false;
  #absence: NodeJS.Timeout | undefined;

  constructor({ name, ...options }: WorkerConsumerOptions) {
    this.name = name;
    this.id = options.consumerId;
    const desk = new Desk(options);
    this.desk = desk;
    this.executor = {
      depth: desk.depth,
      get closed() {
        return desk.closed;
      },
      execute: (delivery, onOutcome) => desk.execute(delivery, onOutcome),
      quiet: () => {
        desk.quiet();
        this.#session?.quiet();
      },
      resume: () => desk.resume(),
    };
  }

  /** Whether it has a worker, and takes part. */
  get works(): boolean {
    return this.#session !== undefined && !this.#leaving;
  }

  /** It is a consumer of the group from now on. @param leave has it leave, when it has finished what the worker has */
  joined(leave: () => void): void {
    this.#leave = leave;
    if (this.#leaving) leave();
  }

  /**
   * The worker is connected. Its deliveries begin.
   *
   * @param concurrency not more than it began with
   */
  attach(session: WorkerSession, concurrency: number): void {
    this.#session = session;
    session.consumer = this;
    this.desk.attach(session, concurrency);
  }

  /** The worker is back on another connection. Returns the ids of what it holds that still count. */
  takeBack(holds: readonly string[]): string[] {
    clearTimeout(this.#absence);
    const before = this.#session;
    this.#session = undefined;
    this.desk.detach();
    before?.end(REPLACED, 'this worker has made another connection');
    return this.desk.keep(holds);
  }

  /** It gets nothing more: it finishes what the worker has, hands back the rest, and leaves. Idempotent. */
  leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#leave?.();
  }

  /** It has left the group. A worker that said quiet on an earlier connection may want more, and needs another consumer. */
  left(): void {
    if (this.#session && !this.#session.saidQuiet)
      this.#session.end(GOING_AWAY, 'all is done that was held at quiet: connect again for more', true);
  }

  /** The connection has ended. */
  lose(session: WorkerSession, { clean, mayResume, why }: SessionEnd): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.desk.detach();
    const saidQuiet = this.#leaving;
    const end = () => {
      this.leave();
      // After leaving: what comes back now is handed back, and does not wait for the worker again.
      if (clean && saidQuiet) this.desk.recall();
      else if (clean)
        this.desk.takeBack('workers that get this message close the connection, again and again');
      else this.desk.blame(`the worker was lost: ${why}`);
    };
    if (clean || !mayResume || this.desk.given === 0) end();
    else this.#absence = setTimeout(end, COMES_BACK_WITHIN);
  }
}
