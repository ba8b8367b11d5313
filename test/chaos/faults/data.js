import { BRIDGE, COUNTERS, GROUP, INBOX, PACKS } from '../keys.js';
import { prove, proveSoon, RELAYS_AGAIN } from './fault.js';

const family = 'data';

/** Destroys the group of each stream if one of them holds messages that are not delivered: the new group must begin with them. */
const DESTROY_WHILE_WAITING = `
for _, key in ipairs(KEYS) do
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    for i = 1, #group, 2 do
      if group[i] == 'last-delivered-id' and last and group[i + 1] ~= last[1] then
        for _, each in ipairs(KEYS) do redis.call('XGROUP', 'DESTROY', each, ARGV[1]) end
        return redis.call('XLEN', key)
      end
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
  destroyed('xgroup-destroy', [INBOX, PACKS], 'the inbox or in packs'),
  destroyed('xgroup-destroy-packs', [PACKS], 'packs, only of these'),
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

/** The group of these streams is destroyed. */
function destroyed(name, keys, where) {
  return {
    name,
    family,
    line: `XGROUP DESTROY while messages wait in ${where} (the consumers’ connections are killed just before)`,
    cuts: /** @type {const} */ ('none'),
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const { admin } = stage;
      for (const { id } of await stage.clients('consumer')) await admin.client('KILL', 'ID', id);
      const entries = await proveSoon(
        () => admin.eval(DESTROY_WHILE_WAITING, keys.length, ...keys, GROUP),
        'a group destroyed while messages waited',
      );
      const isBack = async (key) => (await admin.xinfo('GROUPS', key)).length === 1;
      for (const key of keys) await proveSoon(() => isBack(key), 'a new group');
      return { proof: `destroyed with ${entries} entries in a stream, and made anew` };
    },
  };
}

/** How often Redis has refused a command with this error. */
export async function refused(redis, error) {
  const info = await redis.info('errorstats');
  return Number(new RegExp(`^errorstat_${error}:count=(\\d+)`, 'm').exec(info)?.[1] ?? 0);
}
