import { type CgroupError, SettingsError } from '../core/errors.js';
import { plural } from '../core/words.js';
import type { Names } from './keys.js';
import { keysOf, lanesOf } from './keys.js';
import { lanesIn } from './open-lanes.js';
import type { Connection } from './protocol/connection.js';
import type { Connections } from './protocol/connections.js';

/**
 * Another number of lanes would deal keys to other lanes, and nobody would read lanes that are no more: so it may change only while
 * nothing waits in them. Off a Cluster there is one lane, and Redis is not asked.
 *
 * @param group a connection to the slot of the output
 * @throws {SettingsError} if more than one lane is asked for off a Cluster, or if messages wait in the lanes that there were
 */
export async function refuseOtherLanes(
  connections: Connections,
  group: Connection,
  names: Names & { readonly lanes: number },
): Promise<void> {
  const { lanes } = names;
  if (!group.place.isCluster) {
    if (lanes === 1) return;
    throw wrong(
      'lanes are streams at several nodes of a Redis Cluster, and this Redis is none: set lanes to 1',
    );
  }
  const before = await lanesIn(group, keysOf(names), 1);
  if (before === lanes) return;
  let waiting = 0;
  for (const { inbox, packs, held, output } of lanesOf({ ...names, lanes: before })) {
    const lane = await connections.open('lanes', output);
    try {
      const sizes = [lane.call('XLEN', inbox), lane.call('XLEN', packs), lane.call('ZCARD', held)];
      for (const size of await Promise.all(sizes)) waiting += Number(size);
    } finally {
      connections.release(lane);
    }
  }
  if (waiting === 0) return;
  throw wrong(
    `the group has ${plural(before, 'lane')}, and ${plural(waiting, 'entry', 'entries')} that wait in there: start it with ` +
      `lanes ${before} and let it finish them (cgroup drain) before lanes becomes ${lanes}`,
  );
}

function wrong(message: string): CgroupError {
  return new SettingsError([{ setting: 'lanes', message }]);
}
