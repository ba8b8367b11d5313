import { prove, RELAYS_AGAIN } from './fault.js';

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
    async strike(stage) {
      return killed(stage, await stage.clients(role));
    },
  })),
  {
    name: 'client-kill-leader',
    family,
    line: 'CLIENT KILL of the subscription of the bridge that leads',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const leader = await stage.group.leader();
      const all = await stage.clients('subscriber');
      return killed(
        stage,
        all.filter(({ port }) => leader.proxy.isTo(port)),
      );
    },
  },
];

async function killed(stage, victims) {
  prove(victims.length > 0, 'a connection of that kind');
  let count = 0;
  for (const { id } of victims) count += await stage.admin.client('KILL', 'ID', id);
  const left = await stage.admin.client('LIST', 'ID', ...victims.map(({ id }) => id));
  prove(count === victims.length && left.trim() === '', 'all of them gone');
  return { proof: `${count} connections killed` };
}
