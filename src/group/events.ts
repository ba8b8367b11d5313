import type { Failure } from '../consumer/settler.js';
import type { Gap } from '../core/bridge-store.js';
import type { DeadLetter, Halt } from '../core/consumer-store.js';
import { messageOf } from '../core/errors.js';
import { numberText, plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { inSeconds, lineWhenOver, REMIND_EVERY, ThrottledLog } from '../log/throttle.js';
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
  /** This process runs so many consumers from now on. */
  scaled: [consumers: number];
  /** The group is paused: no attempt begins. */
  paused: [];
  /** The group is no longer paused. */
  resumed: [];
  /** Another program deleted so many entries from the inbox. */
  lost: [count: number];
}

/** `lane`: that of the message; undefined in a group with one. */
type FailureInLane = Failure & { readonly lane: number | undefined };

/** Hands an event to the listeners. */
export type Emit = <E extends keyof GroupEvents>(event: E, ...args: GroupEvents[E]) => void;

/** What the parts of a group report, as it reaches the log, the stats and the listeners. */
export class Reports {
  readonly #log: Logger;
  readonly #stats: ProcessStats | undefined;
  readonly #emit: Emit;
  readonly #deaths: ThrottledLog<FailureInLane>;
  readonly #failures: ThrottledLog<FailureInLane>;
  readonly #halts: ThrottledLog<Halt>;

  constructor(log: Logger, stats: ProcessStats | undefined, emit: Emit) {
    this.#log = log;
    this.#stats = stats;
    this.#emit = emit;
    this.#failures = withoutSuccess(log);
    this.#deaths = new ThrottledLog({
      delay: 1_000,
      write: (count, last) =>
        log.warn(
          { count, ...fieldsOf(last) },
          `${plural(count, 'new dead letter')}, the last one (${last.reason}): ${last.error}`,
        ),
    });
    this.#halts = new ThrottledLog({
      delay: 1_000,
      write: (count, last) => log.warn({ count, ...last }, haltText(count, last)),
    });
  }

  /** Writes what waits to be written. Call it last. */
  end(): void {
    this.#deaths.flush();
    this.#halts.flush();
    this.#failures.stop();
  }

  ready(): void {
    this.#emitSafely('ready');
  }

  leading(): void {
    if (this.#stats) this.#stats.leads++;
    this.#emitSafely('leading');
  }

  fenced(): void {
    if (this.#stats) this.#stats.fences++;
  }

  gap(gap: Gap): void {
    this.#emitSafely('gap', gap);
  }

  settled(count: GroupEvents['settled'][0]): void {
    if (count.processed > 0) this.#failures.over();
    if (this.#stats) this.#stats.settled += count.processed + count.retried + count.dead;
    this.#emitSafely('settled', count);
  }

  /** @param lane the lane of the message, if the group has several */
  failure(failure: Failure, lane?: number): void {
    const { attempt, error, dead } = failure;
    const inLane = { ...failure, lane };
    if (dead) this.#deaths.add(inLane);
    else {
      this.#failures.add(inLane);
      this.#log.debug(fieldsOf(inLane), `attempt ${attempt} failed: ${error}`);
    }
    this.#emitSafely('failure', failure);
  }

  /** Redis has these dead letters. @param lane as for {@link failure} */
  buried(deadLetters: readonly Omit<DeadLetter, 'message' | 'entryId'>[], lane?: number): void {
    for (const { consumerId, inboxId, attempts: attempt, reason, error } of deadLetters)
      this.failure({ consumerId, inboxId, attempt, reason, error, dead: true }, lane);
  }

  /** These dead letters stop an order. */
  halted(halts: readonly Halt[]): void {
    for (const halt of halts) this.#halts.add(halt);
  }

  scaled(size: number, before: number): void {
    this.#log.info({ consumers: size }, `${plural(size, 'consumer')} from now on, ${before} so far`);
    this.#emitSafely('scaled', size);
  }

  paused(isPaused: boolean): void {
    this.#log.info(
      {},
      isPaused
        ? 'paused: no attempt begins until the group is resumed; bridges go on'
        : 'resumed: attempts begin again',
    );
    this.#emitSafely(isPaused ? 'paused' : 'resumed');
  }

  lost(count: number): void {
    this.#log.error(
      { count },
      `${plural(count, 'message is', 'messages are')} lost: another program deleted from the inbox what was pending`,
    );
    this.#emitSafely('lost', count);
  }

  /** An error that a listener throws is logged, and does not reach the group. */
  #emitSafely: Emit = (event, ...args) => {
    try {
      this.#emit(event, ...args);
    } catch (error) {
      this.#log.error({ error, event }, `a listener of the event ${event} threw: ${messageOf(error)}`);
    }
  };
}

/**
 * For a processor that fails with every message: its first dead letters come late, after all attempts and the waits
 * between them. A warning when no attempt has succeeded for a second, and every 30 s; a
 * line when one succeeds. No line if attempts fail now and then, however many.
 */
function withoutSuccess(log: Logger): ThrottledLog<FailureInLane> {
  const what = 'no attempt succeeds';
  return new ThrottledLog({
    delay: 1_000,
    interval: REMIND_EVERY,
    least: 2,
    write: (count, last, forMs) =>
      log.warn(
        { count, ...fieldsOf(last) },
        `${what}: ${numberText(count)} failed in ${inSeconds(forMs)}, trying again; the last one (${last.reason}): ${last.error}`,
      ),
    over: lineWhenOver(log, what),
  });
}

/** What stops, and what to type. */
function haltText(count: number, { deadId, key }: Halt): string {
  const stopped =
    key === undefined ? 'the output' : count === 1 ? `the messages of the key ${key}` : 'their keys';
  const which = count === 1 ? `the dead letter ${deadId} stops` : `${numberText(count)} dead letters stop`;
  return (
    `${which} ${stopped} (onDead halt): fix the cause, then cgroup dead retry ${deadId}; ` +
    `to go on without the message: cgroup dead skip ${deadId}`
  );
}

/** What a line of the log says about an attempt. */
function fieldsOf({ consumerId, inboxId, lane, attempt, reason }: FailureInLane): object {
  // Two lanes may give the same id.
  return { consumer: consumerId, inboxId, ...(lane !== undefined && { lane }), attempt, reason };
}
