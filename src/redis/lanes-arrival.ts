import type { BridgeStore, MadeMark, MarkReply, MarkRequest } from '../core/bridge-store.js';
import type { LaneStore } from '../core/lane-store.js';
import { ORIGIN } from '../core/position.js';
import { MOST_TRIES, stuck } from './lane-writer.js';

/**
 * Tells all lanes, before a bridge subscribes, at which server it does. The bridges are at that server since all lanes know of it:
 * then no lane takes a message after the mark that was received at another server.
 *
 * The node of the group may have lost marks. Then the bridge gets a mark that is after all that the lanes have: else new messages
 * could have the positions of old ones.
 *
 * Resolves to the mark with which the bridge comes to its server.
 *
 * @param first the mark that it got; another one is made if that is not high enough
 */
export async function tellLanes(
  base: Pick<BridgeStore, 'mark'>,
  lanes: readonly { readonly store: LaneStore }[],
  request: MarkRequest,
  first: MadeMark,
): Promise<MarkReply> {
  let made = first;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { mark, lease } = made;
    const { home, relayed } = lease;
    const replies = await Promise.all(lanes.map(({ store }) => store.arrive(mark, home?.server)));
    let [higher, elapsed, isWritten] = [0, Number.POSITIVE_INFINITY, false];
    for (const reply of replies) {
      if (!reply.arrived) higher = Math.max(higher, reply.mark);
      else {
        elapsed = Math.min(elapsed, reply.elapsed);
        isWritten ||= reply.isWritten;
      }
    }
    if (higher === 0) {
      const since = home && { ...home, since: Math.max(home.since, mark - elapsed) };
      return {
        ...made,
        lease: { ...lease, relayed: relayed ?? (isWritten ? ORIGIN : undefined), home: since },
      };
    }
    const reply = await base.mark({ ...request, seen: Math.max(request.seen, higher) });
    if (!('mark' in reply)) return reply;
    made = reply;
  }
  throw stuck();
}
