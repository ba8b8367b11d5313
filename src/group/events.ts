import type { Failure } from '../consumer/settler.js';
import type { Gap } from '../core/bridge-store.js';
import { messageOf } from '../core/errors.js';
import { Digest } from '../log/digest.js';
import { Failing } from '../log/failing.js';
import type { Logger } from '../log/logger.js';
import type { ProcessStats } from '../observe/process-stats.js';

/** The events of a group. */
export interface GroupEvents {
  /** What is published from now on is relayed and processed. */
  ready: [];
  /** This process relays the channel. */
  leading: [];
  /** Messages may have been missed. */
  gap: [gap: Gap];
  /** An attempt failed, or a message could not be tried at all. */
  failure: [failure: Failure];
  /** Redis has taken results, retries and dead letters of this process. */
  settled: [count: { readonly processed: number; readonly retried: number; readonly dead: number }];
  /** Entries were deleted from the inbox by somebody else. */
  lost: [count: number];
}

/** Hands an event to whoever listens. */
export type Emit = <E extends keyof GroupEvents>(event: E, ...args: GroupEvents[E]) => void;

/** What the parts of a group report, as it reaches the log, the stats and the listeners. */
export class Reports {
  readonly #log: Logger;
  readonly #stats: ProcessStats | undefined;
  readonly #emit: Emit;
  readonly #deaths: Digest<Failure>;
  readonly #failing: Failing;

  constructor(log: Logger, stats: ProcessStats | undefined, emit: Emit) {
    this.#log = log;
    this.#stats = stats;
    this.#emit = emit;
    this.#failing = new Failing(log);
    this.#deaths = new Digest(1_000, (count, last) =>
      log.warn(
        {
          count,
          consumer: last.consumerId,
          inboxId: last.inboxId,
          attempt: last.attempt,
          reason: last.reason,
        },
        `${count} new dead letter${count === 1 ? '' : 's'}, the last one (${last.reason}): ${last.error}`,
      ),
    );
  }

  /** Tells what is still gathered; nothing more will be. */
  end(): void {
    this.#deaths.flush();
    this.#failing.stop();
  }

  ready(): void {
    this.#tell('ready');
  }

  leading(): void {
    if (this.#stats) this.#stats.leads++;
    this.#tell('leading');
  }

  fenced(): void {
    if (this.#stats) this.#stats.fences++;
  }

  gap(gap: Gap): void {
    this.#tell('gap', gap);
  }

  settled(count: GroupEvents['settled'][0]): void {
    if (count.processed > 0) this.#failing.succeeded();
    if (this.#stats) this.#stats.settled += count.processed + count.retried + count.dead;
    this.#tell('settled', count);
  }

  failure(failure: Failure): void {
    const { consumerId, inboxId, attempt, reason, error, dead } = failure;
    if (dead) this.#deaths.add(failure);
    else {
      this.#failing.failed(failure);
      this.#log.debug(
        { consumer: consumerId, inboxId, attempt, reason },
        `attempt ${attempt} failed: ${error}`,
      );
    }
    this.#tell('failure', failure);
  }

  lost(count: number): void {
    this.#log.error(
      { count },
      `${count} messages are lost: somebody deleted them from the inbox while they were pending`,
    );
    this.#tell('lost', count);
  }

  /** Events reach the listeners; what a listener throws stays with it. */
  #tell: Emit = (event, ...args) => {
    try {
      this.#emit(event, ...args);
    } catch (error) {
      this.#log.error({ error, event }, `a listener of the event ${event} threw: ${messageOf(error)}`);
    }
  };
}
