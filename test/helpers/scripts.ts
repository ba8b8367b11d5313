import * as bridge from '../../src/redis/scripts/bridge.js';
import * as consumer from '../../src/redis/scripts/consumer.js';
import * as control from '../../src/redis/scripts/control.js';
import * as group from '../../src/redis/scripts/group.js';
import * as keyed from '../../src/redis/scripts/keyed.js';
import * as ordered from '../../src/redis/scripts/ordered.js';
import * as source from '../../src/redis/scripts/source.js';

/** All scripts, by their names. */
export const everyScript = Object.values({
  ...bridge,
  ...consumer,
  ...control,
  ...group,
  ...keyed,
  ...ordered,
  ...source,
}).flatMap((exported) => (typeof exported === 'object' ? [[exported.name, exported] as const] : []));
