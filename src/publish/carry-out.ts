import { performance } from 'node:perf_hooks';
import { CgroupError, messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import { numberText, plural } from '../core/words.js';
import type { Receivers } from '../redis/scripts/group.js';
import type { LedgerRecorder } from './ledger-recorder.js';
import { nextStep, type Plan } from './pacing.js';

/** Batches under way at a time: enough to keep Redis busy. */
const MOST_IN_FLIGHT = 3;

/** A message to publish. */
export interface OutgoingMessage {
  /** Its `message_id`; undefined if it has none, which only a given message may. */
  readonly id: string | undefined;
  readonly text: string;
}

/** Gives the next messages, at most so many; none if there are no more. */
export type TakeMessages = (most: number) => readonly OutgoingMessage[] | Promise<readonly OutgoingMessage[]>;

/** Adds up the receivers of all batches. */
export class Tally {
  published = 0;
  unheard = 0;
  unsure = 0;
  #least = Infinity;
  #most = 0;

  add(messages: number, { least, most, unheard }: Receivers): void {
    this.published += messages;
    this.unheard += unheard;
    this.#least = Math.min(this.#least, least);
    this.#most = Math.max(this.#most, most);
  }

  get receivers(): { min: number; max: number } {
    return { min: this.published === 0 ? 0 : this.#least, max: this.#most };
  }
}

/** What {@link carryOut} needs. */
export interface Publishing {
  readonly plan: Plan;
  readonly take: TakeMessages;
  readonly publish: (messages: readonly string[]) => Promise<Receivers>;
  /** Waits until publishing works again after an error of `publish`; resolves to whether to go on. Without it, it ends. */
  readonly recover?: ((error: unknown) => Promise<boolean>) | undefined;
  /** `expect` is called for each message of a batch before it is published, `until` after it. */
  readonly recorder?: Pick<LedgerRecorder, 'expect' | 'until'> | undefined;
  /** Messages that the recorder may lag behind. */
  readonly mostAwaited: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((published: number) => void) | undefined;
}

/**
 * Carries out a plan, with a few batches under way at a time, and not far ahead of the recorder. Returns when all
 * messages that were sent are published and recorded.
 *
 * @throws {CgroupError} the error of `publish` or of the recorder, with the number of published messages
 */
export async function carryOut(publishing: Publishing): Promise<{ tally: Tally; seconds: number }> {
  const { plan, take, publish, recover, recorder, mostAwaited, signal, onProgress } = publishing;
  const tally = new Tally();
  const flying = new Set<Promise<void>>();
  const started = performance.now();
  let sent = 0;
  let failure: { error: unknown } | undefined;
  let recovering: Promise<void> | undefined;

  /** One of several batches that fail together waits for all. */
  const failed = async (error: unknown) => {
    if (!failure && !(await recover?.(error))) failure = { error };
    recovering = undefined;
  };

  const send = (messages: readonly string[]) => {
    const flight = publish(messages)
      .then((receivers) => {
        tally.add(messages.length, receivers);
        onProgress?.(tally.published);
      })
      .catch((error: unknown) => {
        tally.unsure += messages.length;
        recovering ??= failed(error);
        return recovering;
      })
      .finally(() => flying.delete(flight));
    flying.add(flight);
    sent += messages.length;
  };

  try {
    while (!signal?.aborted && !failure) {
      if (recovering) {
        await recovering;
        continue;
      }
      const step = nextStep(plan, sent, performance.now() - started);
      if (step.kind === 'done') break;
      if (step.kind === 'wait') {
        await pause(step.ms, signal);
        continue;
      }
      const batch = await take(step.messages);
      if (batch.length === 0) break;
      if (recorder) for (const { id = '' } of batch) recorder.expect(id);
      send(batch.map(({ text }) => text));
      if (flying.size >= MOST_IN_FLIGHT) await Promise.race(flying);
      if (!failure) await recorder?.until(mostAwaited);
    }
    await Promise.all(flying);
    if (failure) throw failure.error;
    const seconds = Math.round(performance.now() - started) / 1_000;
    await recorder?.until(0);
    return { tally, seconds };
  } catch (error) {
    await Promise.all(flying);
    throw unfinished(error, tally.published, sent - tally.published);
  }
}

/** The error with the number of messages that were published. */
function unfinished(error: unknown, published: number, unsure: number): CgroupError {
  const code = error instanceof CgroupError ? error.code : 'INTERNAL';
  const more = unsure > 0 ? `, ${numberText(unsure)} more may or may not have been` : '';
  return new CgroupError(
    code,
    `${messageOf(error)}; ${plural(published, 'message was', 'messages were')} published for sure${more}`,
    {
      cause: error,
    },
  );
}
