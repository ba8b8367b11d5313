import type { ConsumerStore, DeadLetter, Halt, Result } from '../core/consumer-store.js';

/** Characters of the dead letters of one call, about. */
const MAX_LENGTH = 1_000_000;

export interface BuryRefusedOptions {
  readonly store: Pick<ConsumerStore, 'bury' | 'messageOf'>;
  readonly deadMaxLen: number;
  /** Called with the dead letters of results that the record refused, when Redis has them. */
  readonly onBuried: (deadLetters: readonly DeadLetter[]) => void;
  /** Called with those that stop an order from now on. */
  readonly onHalted?: ((halts: readonly Halt[]) => void) | undefined;
}

/**
 * Results that the record refused become dead letters: a few at a time, as their messages may be large.
 *
 * @param errors what the record says, by inbox id
 */
export async function buryRefused(
  { store, deadMaxLen, onBuried, onHalted }: BuryRefusedOptions,
  results: readonly Result[],
  errors: ReadonlyMap<string, string>,
): Promise<void> {
  let [deadLetters, length]: [DeadLetter[], number] = [[], 0];
  const bury = async () => {
    if (deadLetters.length === 0) return;
    const { late, halted } = await store.bury(deadLetters, deadMaxLen);
    if (halted) onHalted?.(halted);
    onBuried(deadLetters.filter(({ entryId }) => !late.includes(entryId)));
    [deadLetters, length] = [[], 0];
  };
  for (const { entryId, consumerId, inboxId, key, attempts = 1, startedAt, finishedAt } of results) {
    const message = await store.messageOf(entryId);
    if (message === undefined) continue; // settled meanwhile
    const error = errors.get(inboxId) ?? '';
    const held = { entryId, consumerId, inboxId, key, message, attempts, startedAt, finishedAt };
    deadLetters.push({ ...held, reason: 'failed', error, failed: true });
    length += message.length + error.length;
    if (length > MAX_LENGTH) await bury();
  }
  await bury();
}
