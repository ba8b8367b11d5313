import {
  type Buried,
  type ConsumerStore,
  type PackSettlement,
  processedIn,
  type Result,
  type SettlingStore,
} from '../core/consumer-store.js';
import { countIn } from '../core/pack.js';
import {
  type RecordedResult,
  type Recorder,
  type RecordRow,
  type RefusedRow,
  rowOf,
} from '../core/record.js';
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

    async settlePacks(packs, maxLength) {
      const { refused, before } = await recorder.write(packs.flatMap(rowsOfPack));
      const [errors, recorded] = [errorsOf(refused), byInboxId(before)];
      return store.settlePacks(
        errors.size === 0 && recorded.size === 0
          ? packs
          : packs.map((pack) => packAsRecorded(pack, errors, recorded)),
        maxLength,
      );
    },

    async bury(deadLetters, maxLength): Promise<Buried> {
      // Those without an attempt were never processed.
      const ids = deadLetters.filter(({ attempts }) => attempts > 0).map(({ inboxId }) => inboxId);
      const recorded = byInboxId(ids.length === 0 ? [] : await recorder.find(ids));
      const rest = deadLetters.filter(({ inboxId }) => !recorded.has(inboxId));
      const results = deadLetters.flatMap(({ entryId, consumerId, inboxId, attempts }) => {
        const known = recorded.get(inboxId);
        return known ? [{ ...known, entryId, consumerId, attempts }] : [];
      });
      const late = results.length > 0 ? await store.commit(results, 0) : [];
      if (rest.length === 0) return { kept: 0, late };
      const buried = await store.bury(rest, maxLength);
      return { ...buried, late: [...late, ...buried.late] };
    },
  };
}

function rowsOfPack(pack: PackSettlement): RecordRow[] {
  const { consumerId, texts } = pack;
  const finishedAt = Date.now();
  return processedIn(pack).map((inboxId, i) => {
    const [messageId = '', data = ''] = texts.slice(2 * i, 2 * i + 2);
    return rowOf({ inboxId, messageId, consumerId, data, finishedAt });
  });
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

/** The pack, without the messages that the record refused: those are left, and given up when they are read again. */
function packAsRecorded(
  pack: PackSettlement,
  errors: ReadonlyMap<string, string>,
  recorded: ReadonlyMap<string, RecordedResult>,
): PackSettlement {
  const texts: string[] = [];
  const left = [...pack.left];
  const isLeft = new Set(left.map(({ number }) => number));
  const numbers = Array.from({ length: countIn(pack.id) }, (_, i) => i + 1).filter((n) => !isLeft.has(n));
  processedIn(pack).forEach((inboxId, i) => {
    const error = errors.get(inboxId);
    const [messageId = '', data = ''] = pack.texts.slice(2 * i, 2 * i + 2);
    const known = recorded.get(inboxId);
    if (error === undefined) texts.push(known?.messageId ?? messageId, known?.data ?? data);
    else left.push({ number: numbers[i] ?? 0, outcome: { kind: 'given-up', error } });
  });
  return { ...pack, texts, left: left.sort((a, b) => a.number - b.number) };
}
