import { SettingsError } from '../core/errors.js';
import { plural } from '../core/words.js';
import { Inspector } from './inspect.js';
import { keysOf, lanesOf, type Names } from './keys.js';
import { type LaneCount, lanesIn } from './open-lanes.js';
import type { Connection } from './protocol/connection.js';
import type { Connections } from './protocol/connections.js';

/** What is left is named of so many lanes, about. */
const MOST_NAMED = 4;

/**
 * Another number of lanes deals keys to other lanes, and nothing reads lanes that the group has no more: so it may change only while nothing
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
  const left = await leftIn(connections, names, before);
  if (left.length === 0) return count;
  const hasDead = left.some(({ dead }) => dead > 0);
  throw wrong(
    `lanes cannot become ${lanes} yet: the group has ${plural(before, 'lane')}, and ${leftText(left)}. ` +
      `Type cgroup start --lanes ${before}${hasDead ? ', and cgroup dead retry --all (or cgroup dead purge)' : ''}, ` +
      `wait until cgroup status shows ${hasDead ? 'no backlog and no dead letters' : 'no backlog'}, and stop it`,
  );
}

/** What is left in a lane. */
interface Left {
  readonly output: string;
  /** Messages that are not settled. */
  readonly waiting: number;
  /** Dead letters: all, if the lane would be no more; else those that stop a key. */
  readonly dead: number;
}

/** `2 messages wait in orders:{0}, 1 dead letter is in orders:{2}` */
function leftText(left: readonly Left[]): string {
  const texts = left.flatMap(({ output, waiting, dead }) => [
    ...(waiting > 0 ? [`${plural(waiting, 'message waits', 'messages wait')} in ${output}`] : []),
    ...(dead > 0 ? [`${plural(dead, 'dead letter is', 'dead letters are')} in ${output}`] : []),
  ]);
  const more = texts.length - MOST_NAMED;
  return `${texts.slice(0, MOST_NAMED).join(', ')}${more > 0 ? `, and more in others` : ''}`;
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

/** What the group would lose sight of, by lane. */
async function leftIn(
  connections: Connections,
  names: Names & { readonly lanes: number; readonly group: string },
  before: number,
): Promise<Left[]> {
  // A single lane has other names than each of several.
  const stay = Math.min(before, names.lanes) === 1 ? 0 : names.lanes;
  const lanes = await Promise.all(
    lanesOf({ ...names, lanes: before }).map(async (keys, lane): Promise<Left> => {
      const connection = await connections.open('lanes', keys.output);
      try {
        const totals = await new Inspector(connection, keys, names.group).totals();
        return {
          output: keys.output,
          waiting: totals.backlog + totals.parked,
          dead: lane < stay ? totals.haltedCount : totals.deadLetters,
        };
      } finally {
        connections.release(connection);
      }
    }),
  );
  return lanes.filter(({ waiting, dead }) => waiting + dead > 0);
}

function wrong(message: string): SettingsError {
  return new SettingsError([{ setting: 'lanes', message }]);
}
