import { SettingsError } from '../core/errors.js';
import { plural } from '../core/words.js';
import { Inspector } from './inspect.js';
import { keysOf, lanesOf, type Names } from './keys.js';
import { type LaneCount, lanesIn } from './open-lanes.js';
import type { Connection } from './protocol/connection.js';
import type { Connections } from './protocol/connections.js';

/**
 * Another number of lanes deals keys to other lanes, and lanes that are no more have no reader: so it may change only while nothing
 * waits in them. Off a Cluster there is one lane, and Redis is not asked.
 *
 * @param at a connection to the slot of the output
 * @returns how many lanes the group has from now on, and the most that it ever had
 * @throws {SettingsError} if more than one lane is asked for off a Cluster, or if the lanes that there were hold messages, or
 *   dead letters that could not be sent back any more
 */
export async function refuseOtherLanes(
  connections: Connections,
  at: Connection,
  names: Names & { readonly lanes: number; readonly group: string },
): Promise<LaneCount> {
  const { lanes } = names;
  if (!at.place.isCluster) {
    if (lanes === 1) return { lanes, most: 1 };
    throw wrong(
      'lanes are streams at several nodes of a Redis Cluster, and this Redis is none: set lanes to 1',
    );
  }
  const { lanes: before, most } = await lanesIn(at, keysOf(names), 1);
  const count = { lanes, most: Math.max(lanes, most) };
  if (before === lanes) return count;
  const { waiting, dead } = await leftIn(connections, names, before);
  if (waiting === 0 && dead === 0) return count;
  const left = [
    ...(waiting > 0 ? [`${plural(waiting, 'message')} that wait in there`] : []),
    ...(dead > 0 ? [`${plural(dead, 'dead letter')} in there`] : []),
  ].join(' and ');
  const settle = dead > 0 ? ' (cgroup dead retry --all, or cgroup dead purge)' : '';
  throw wrong(
    `lanes cannot become ${lanes} yet: the group has ${plural(before, 'lane')}, and ${left}. Start it with --lanes ${before}, ` +
      `wait until cgroup status shows ${dead > 0 ? 'no backlog and no dead letters' : 'no backlog'}${settle}, and stop it`,
  );
}

/**
 * Looks again, once a bridge of this process has marked: until then another process takes the group for one that does not run,
 * and may have set another number.
 *
 * @throws {SettingsError}
 */
export async function confirmLanes(at: Connection, names: Names & { readonly lanes: number }): Promise<void> {
  const { lanes: found } = await lanesIn(at, keysOf(names), names.lanes);
  if (found === names.lanes) return;
  throw otherNumber(found, names.lanes);
}

/** What a start ends with if another process has another number of lanes. */
export function otherNumber(theirs: number, ours: number): SettingsError {
  return wrong(
    `another process of this group runs with --lanes ${theirs}, and this one has ${ours}: all processes of a group need the same number`,
  );
}

/**
 * What the group would lose sight of.
 *
 * @returns messages that are not settled; dead letters of lanes that would be no more, and those that stop a key of any lane
 */
async function leftIn(
  connections: Connections,
  names: Names & { readonly lanes: number; readonly group: string },
  before: number,
): Promise<{ waiting: number; dead: number }> {
  const left = { waiting: 0, dead: 0 };
  // A single lane has other names than each of several.
  const stay = Math.min(before, names.lanes) === 1 ? 0 : names.lanes;
  await Promise.all(
    lanesOf({ ...names, lanes: before }).map(async (keys, lane) => {
      const connection = await connections.open('lanes', keys.output);
      try {
        const totals = await new Inspector(connection, keys, names.group).totals();
        left.waiting += totals.backlog + totals.parked;
        left.dead += lane < stay ? totals.haltedCount : totals.deadLetters;
      } finally {
        connections.release(connection);
      }
    }),
  );
  return left;
}

function wrong(message: string): SettingsError {
  return new SettingsError([{ setting: 'lanes', message }]);
}
