import type { Pack } from '../core/consumer-store.js';
import type { ConsumerExecutor, InstantResults, Outcome } from '../core/executor.js';
import { identitiesIn } from '../core/pack.js';
import type { HeldDelivery, InFlight } from './in-flight.js';
import { MOST_LENGTH, type PackHold } from './pack-hold.js';

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

/**
 * Makes the attempts of a pack in turn, as long as each has its result at once. If all have, the pack is held as one
 * delivery, and is complete. From the first message on that has none, the messages are deliveries as in any pack.
 *
 * @returns ms of the attempts with a result, and the deliveries whose attempt has not begun
 */
export function runPack(options: PackRunOptions): { times: readonly number[]; waiting: HeldDelivery[] } {
  const { pack, hold, inFlight, executeAll, goOn, onBegun, onOutcome } = options;
  const { id, messages } = pack;
  const results: InstantResults = { texts: [], length: 0, times: [] };
  let deliveries: readonly HeldDelivery[] | undefined;

  /** @param inWork the message that is in work: it must not go back with those that are not */
  const accept = (inWork?: number) => {
    const accepted = inFlight.acceptPack(pack, hold);
    if (inWork !== undefined) (accepted[inWork] as HeldDelivery).inWork = true;
    for (const [i, busy] of results.times.entries()) {
      const [messageId = '', data = ''] = results.texts.slice(2 * i, 2 * i + 2);
      hold.end(i + 1, { kind: 'processed', messageId, data }, busy);
    }
    deliveries = accepted;
    return accepted;
  };
  const deliveryOf = (index: number) => {
    onBegun();
    return accept(index)[index] as HeldDelivery;
  };

  const inboxIds = identitiesIn(id, messages.length);
  const hasRoom = () => results.length < MOST_LENGTH && goOn();
  const { begun, running } = executeAll({ messages, inboxIds }, results, deliveryOf, onOutcome, hasRoom);
  const { texts, length, times } = results;
  if (times.length === messages.length) {
    hold.complete(inFlight.acceptWhole(pack, hold), texts, length);
    return { times, waiting: [] };
  }
  const all = deliveries ?? accept();
  const last = all[begun - 1];
  if (last?.inWork) last.running = running;
  return { times, waiting: all.slice(begun).filter(({ over }) => !over) };
}
