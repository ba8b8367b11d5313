import { BRIDGE, COUNTERS, GROUP, INBOX } from '../keys.js';
import { prove, proveSoon, RELAYS_AGAIN } from './fault.js';

const family = 'data';

/** @type {import('./fault.js').Fault[]} */
export const data = [
  {
    name: 'script-flush',
    family,
    line: 'SCRIPT FLUSH',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    async strike({ admin }) {
      const before = await refused(admin, 'NOSCRIPT');
      await admin.script('FLUSH');
      const count = await proveSoon(
        async () => (await refused(admin, 'NOSCRIPT')) - before,
        'a script that was missed',
      );
      return { proof: `${count} scripts missed` };
    },
  },
  {
    name: 'xgroup-destroy',
    family,
    line: 'XGROUP DESTROY of the consumer group',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    async strike({ admin }) {
      prove((await admin.xgroup('DESTROY', INBOX, GROUP)) === 1, 'destroyed');
      await proveSoon(async () => (await admin.xinfo('GROUPS', INBOX)).length === 1, 'a new group');
      return { proof: 'destroyed, and made anew' };
    },
  },
  {
    name: 'flushall',
    family,
    line: 'FLUSHALL',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const before = Number(await stage.admin.hget(BRIDGE, 'mark'));
      const [[, done], [, left]] = await stage.admin.multi().flushall().exists(BRIDGE, COUNTERS).exec();
      stage.emptied();
      prove(done === 'OK' && left === 0, 'an empty database');
      return { proof: `mark ${before} and all else gone` };
    },
  },
];

/** How often Redis has refused a command with this error. */
export async function refused(redis, error) {
  const info = await redis.info('errorstats');
  return Number(new RegExp(`^errorstat_${error}:count=(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}
