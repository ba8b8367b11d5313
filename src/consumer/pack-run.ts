import type { Pack } from '../core/consumer-store.js';
import type { ConsumerExecutor, Outcome } from '../core/executor.js';
import { identitiesIn } from '../core/pack.js';
import type { HeldDelivery, InFlight } from './in-flight.js';
import { MOST_LENGTH, type PackHold, timesInTurn } from './pack-hold.js';

export interface PackRunOptions {
  readonly pack: Pack;
  readonly hold: PackHold;
  readonly inFlight: InFlight;
  readonly executeAll: NonNullable<ConsumerExecutor['executeAll']>;
  /** Asked before each message. */
  readonly goOn: () => boolean;
  /** A message is in work that has no result at once. */
  readonly onBegun: () => void;
  readonly onOutcome: (delivery: HeldDelivery, outcome: Outcome, busy: number) => void;
}

/** What came of it. */
interface PackRun {
  /** ms of the attempts with a result. */
  readonly times: readonly number[];
  /** The deliveries whose attempt has not begun. */
  readonly waiting: HeldDelivery[];
  /** Whether the attempt on the message before these has begun. */
  readonly isBegun: boolean;
}

/**
 * Makes the attempts of a pack in turn, as long as each has its result at once. If all have, the pack is held as one
 * delivery, and is complete. From the first message on that has none, the messages are deliveries as in any pack.
 */
export function runPack(options: PackRunOptions): PackRun {
  const { pack, hold, inFlight, executeAll, goOn, onBegun, onOutcome } = options;
  const { id, messages } = pack;
  const inboxIds = identitiesIn(id, messages.length);
  const hasRoom = (length: number) => length < MOST_LENGTH && goOn();
  const { texts, length, times, next } = executeAll({ messages, inboxIds }, hasRoom);
  const count = times.length;
  if (count === messages.length) {
    hold.complete(inFlight.acceptWhole(pack, hold), texts, length, times);
    return { times, waiting: [], isBegun: false };
  }
  const all = inFlight.acceptPack(pack, hold);
  const current = next && all[count];
  if (current) {
    // It must not go back with those that are not in work.
    current.inWork = true;
    onBegun();
  }
  const ends = timesInTurn(times, Date.now());
  for (let i = 0; i < count; i++) {
    const [messageId, data] = [texts[2 * i] as string, texts[2 * i + 1] as string];
    hold.end(i + 1, { kind: 'processed', messageId, data }, times[i] as number, ends[i]?.[1]);
  }
  if (current) {
    const running = next(current, onOutcome);
    if (current.inWork) current.running = running;
  }
  const waiting = all.slice(current ? count + 1 : count).filter(({ over }) => !over);
  return { times, waiting, isBegun: current !== undefined };
}
