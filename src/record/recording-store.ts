import type { Buried, ConsumerStore, Result, SettlingStore } from '../core/consumer-store.js';
import { type RecordedResult, type Recorder, type RefusedRow, rowOf } from '../core/record.js';
import { type BuryRefusedOptions, buryRefused } from './bury-refused.js';

export interface RecordingStoreOptions extends BuryRefusedOptions {
  readonly store: SettlingStore & Pick<ConsumerStore, 'messageOf'>;
  readonly recorder: Recorder;
  /** Whether results are recorded after they are committed: see RecordRelease. */
  readonly later?: boolean;
}

/**
 * A store that writes each result to the record before it is committed; in total order, before it goes out.
 *
 * If the process ends between the two, the message is processed again. Then the record holds what the first attempt gave, and
 * that goes to the output too, also if the later attempts fail: record and output say the same.
 */
export function recordingStore({
  recorder,
  later = false,
  ...burying
}: RecordingStoreOptions): SettlingStore {
  const { store } = burying;
  return {
    prepare: () => store.prepare(),
    retry: (retries) => store.retry(retries),

    async commit(results, maxLength) {
      if (later) return store.commit(results, maxLength);
      const { refused, before } = await recorder.write(results.map(rowOf));
      const errors = errorsOf(refused);
      const inRecord = errors.size === 0 ? results : results.filter(({ inboxId }) => !errors.has(inboxId));
      const late = inRecord.length === 0 ? [] : await store.commit(asRecorded(inRecord, before), maxLength);
      // Last: if Redis does not take one of the two, all of it is done again, and changes nothing twice.
      if (errors.size > 0)
        await buryRefused(
          burying,
          results.filter(({ inboxId }) => errors.has(inboxId)),
          errors,
        );
      return late;
    },

    // With a record no packs are processed: they are only given back.
    settlePacks: (packs, maxLength) => store.settlePacks(packs, maxLength),

    async bury(deadLetters, maxLength): Promise<Buried> {
      // Those without an attempt were never processed.
      const ids = deadLetters.filter(({ attempts }) => attempts > 0).map(({ inboxId }) => inboxId);
      const recorded = byInboxId(ids.length === 0 ? [] : await recorder.find(ids));
      const rest = deadLetters.filter(({ inboxId }) => !recorded.has(inboxId));
      const results = deadLetters.flatMap((letter) => {
        const known = recorded.get(letter.inboxId);
        const { entryId, consumerId, key, attempts, startedAt, finishedAt } = letter;
        return known ? [{ ...known, entryId, consumerId, key, attempts, startedAt, finishedAt }] : [];
      });
      const late = results.length > 0 ? await store.commit(results, 0) : [];
      if (rest.length === 0) return { kept: 0, late };
      const buried = await store.bury(rest, maxLength);
      return { ...buried, late: [...late, ...buried.late] };
    },
  };
}

function errorsOf(refused: readonly RefusedRow[]): Map<string, string> {
  return new Map(refused.map(({ inboxId, error }) => [inboxId, error]));
}

function byInboxId(recorded: readonly RecordedResult[]): Map<string, RecordedResult> {
  return new Map(recorded.map((one) => [one.inboxId, one]));
}

/** The results, in the words of the record where it held another one. */
function asRecorded(results: readonly Result[], before: readonly RecordedResult[]): readonly Result[] {
  if (before.length === 0) return results;
  const recorded = byInboxId(before);
  return results.map((result) => ({ ...result, ...recorded.get(result.inboxId) }));
}
