import { prove, proveSoon, RELAYS_AGAIN } from './fault.js';

const family = 'connections';

/** Roles that CLIENT LIST shows as `cgroup:ROLE`, and what the product promises for each. */
const ROLES = {
  subscriber: { cuts: 'all', what: 'all subscriptions' },
  consumer: { cuts: 'none', what: 'the connections that consumers read with' },
  consumers: { cuts: 'none', what: 'the connections that results are written with' },
  bridge: { cuts: 'none', what: 'the connections that bridges relay with' },
};

/** @type {import('./fault.js').Fault[]} */
export const connections = [
  ...Object.entries(ROLES).map(([role, { cuts, what }]) => ({
    name: `client-kill-${role}`,
    family,
    line: `CLIENT KILL of ${what} (cgroup:${role}), of all processes`,
    cuts,
    outage: RELAYS_AGAIN,
    strike: (stage) => kill(stage, () => stage.clients(role)),
  })),
  {
    name: 'client-kill-leader',
    family,
    line: 'CLIENT KILL of the subscription of the bridge that leads',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const leader = await stage.group.leader();
      const own = async () =>
        (await stage.clients('subscriber')).filter(({ port }) => leader.proxy.isTo(port));
      return kill(stage, own);
    },
  },
];

/** Kills the connections that `find` returns, as soon as it returns any, and proves that they are gone. */
async function kill({ admin }, find) {
  const victims = await proveSoon(async () => {
    const found = await find();
    return found.length > 0 && found;
  }, 'a connection to kill');
  let count = 0;
  for (const { id } of victims) count += await admin.client('KILL', 'ID', id);
  const left = await admin.client('LIST', 'ID', ...victims.map(({ id }) => id));
  prove(count > 0 && left.trim() === '', 'all of them gone');
  return { proof: `${count} connections killed` };
}
