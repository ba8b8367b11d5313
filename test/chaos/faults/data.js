import { BRIDGE, COUNTERS, GROUP, INBOX } from '../keys.js';
import { prove, proveSoon, RELAYS_AGAIN } from './fault.js';

const family = 'data';

/** Messages not delivered yet: the new group must begin with them. */
const DESTROY_WHILE_WAITING = `
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  for i = 1, #group, 2 do
    if group[i] == 'last-delivered-id' and last and group[i + 1] ~= last[1] then
      return redis.call('XGROUP', 'DESTROY', KEYS[1], ARGV[1]) == 1 and redis.call('XLEN', KEYS[1])
    end
  end
end`;

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
    line: 'XGROUP DESTROY while messages wait in the inbox (the consumers’ connections are killed just before)',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const { admin } = stage;
      for (const { id } of await stage.clients('consumer')) await admin.client('KILL', 'ID', id);
      const inInbox = await proveSoon(
        () => admin.eval(DESTROY_WHILE_WAITING, 1, INBOX, GROUP),
        'a group destroyed while messages waited in the inbox',
      );
      await proveSoon(async () => (await admin.xinfo('GROUPS', INBOX)).length === 1, 'a new group');
      return { proof: `destroyed with ${inInbox} messages in the inbox, and made anew` };
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
