import { type BridgeStore, type Gap, type Home, OLDER_STATE } from '../core/bridge-store.js';
import { isAfter, ORIGIN, type Position } from '../core/position.js';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import type { Missing } from './received-messages.js';

/** ms between two tries to record a gap, and for how long it is tried. */
const TELL_EVERY = 100;
const TELL = 10_000;

/**
 * The gap that comes before the next batch, if any.
 *
 * @param relayed the stored position
 * @param lastBeat when the leader before last beat, ms since 1970
 * @param emptiedSince since when messages may be missing because Redis lost its data; undefined if it did not
 * @param home where the bridges are subscribed; undefined on a plain Redis
 */
export function gapOf(
  { dropped, cause, until }: Missing,
  relayed: Position | undefined,
  lastBeat: number | undefined,
  emptiedSince: number | undefined,
  home?: Home,
): Gap | undefined {
  if (emptiedSince !== undefined) return { reason: 'Redis lost its data', since: emptiedSince, dropped };
  if (dropped > 0) return { reason: 'the buffer was full', since: undefined, dropped };
  if (!relayed || !cause) return undefined;
  // With lanes ORIGIN is the position of one that has lost all.
  if (!isAfter(relayed, ORIGIN)) return { reason: OLDER_STATE, since: undefined, dropped };
  // What is missed came after the position: a leader may have beaten before it had relayed all that came before its beat.
  const since = Math.min(relayed.epoch, lastBeat ?? relayed.epoch);
  if (cause !== 'start') return { reason: OLDER_STATE, since, dropped };
  // The position is one of the server before.
  const hasMoved = home !== undefined && relayed.epoch < home.since;
  const reason = hasMoved
    ? 'another server took over, and no bridge was subscribed there yet'
    : 'no bridge was subscribed';
  return { reason, since, until, dropped };
}

/**
 * Records a gap that belongs to no batch. Tries again while Redis is away, for 10 s at most; then it is only in the log.
 *
 * @param signal ends the tries
 */
export async function tellGap(
  store: BridgeStore,
  caller: string,
  gap: Gap,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = TELL / TELL_EVERY; tries > 0 && !signal.aborted; tries--) {
    try {
      return await store.missed(caller, gap);
    } catch (error) {
      log.debug({ error }, 'a gap is not recorded yet');
      await pause(TELL_EVERY, signal);
    }
  }
  log.warn({ gap }, 'this gap could not be recorded in Redis: verify counts what was missed in it as lost');
}
