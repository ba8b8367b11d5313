import { setTimeout as sleep } from 'node:timers/promises';
import { Hosts } from '../hosts.js';
import { COMMON, failsOver, ON_BOTH } from './fail-over.js';
import { prove, proveSoon, RELAYS_AGAIN } from './fault.js';

/** Servers and processes are on hosts of their own. Publisher and witness are on the larger side of a split. */
const SPLIT = {
  ...COMMON,
  needs: { ...COMMON.needs, redis: { apart: true } },
  impossible: () => Hosts.impossible(),
};

/** @type {import('./fault.js').Fault[]} */
export const splits = [
  alone('split-master', 3),
  alone('split-master-long', 8),
  {
    ...SPLIT,
    name: 'split-group',
    on: ON_BOTH,
    line: 'the network is split: the master and all processes on one side, until 3 s after a replica has its place on the other',
    async strike(stage) {
      const hosts = stage.group.processes.map(({ slot }) => stage.place.hostOf(slot));
      const proof = await splitsOff(stage, (old) => [old.host, ...hosts], 3_000);
      // Until the end of the split no process can be at work.
      stage.place.promotions.at(-1).at = stage.joinedAt;
      return { proof: `${proof}; all ${hosts.length} processes there` };
    },
  },
  {
    ...SPLIT,
    name: 'split-minority',
    on: ['cluster'],
    line: 'the network is split: another master, a replica and one process on one side, until 3 s after another node has its place',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike(stage, random) {
      const { servers } = stage.place;
      const { old, replica, third } = await minority(stage, random);
      const { process, role } = await oneOf(stage, random);
      const host = stage.place.hostOf(process.slot);
      stage.place.split([old.host, third.host, host]);
      stage.publishAt(old, host);
      await proveSoon(async () => (await servers.masters()).includes(replica), 'another master', 30_000);
      await sleep(3_000);
      await rejoin(stage);
      await servers.settled();
      return { proof: `${old.address} and ${third.address} cut off with the process that ${role}` };
    },
  },
];

/** The old master with one process: there are two masters, each with a process, and publishers at both. */
function alone(name, seconds) {
  return {
    ...SPLIT,
    name,
    on: ON_BOTH,
    line: `the network is split: the master and one process on one side, until ${seconds} s after a replica has its place on the other`,
    async strike(stage, random) {
      const { process, role } = await oneOf(stage, random);
      const host = stage.place.hostOf(process.slot);
      const proof = await splitsOff(stage, (old) => [old.host, host], seconds * 1_000);
      return { proof: `${proof}; the process that ${role} was with it` };
    },
  };
}

/** Another master than that of the group, a replica of it, and a replica of a third master. */
async function minority({ place }, random) {
  const { servers } = place;
  const own = await place.master();
  const [old, other] = random.shuffle((await servers.masters()).filter((node) => node !== own));
  const [[replica], [third]] = [await servers.replicas(old), await servers.replicas(other)];
  return { old, replica, third };
}

async function oneOf({ group }, random) {
  const leader = await group.leader();
  const process = random.pick(group.processes);
  return { process, role: process === leader ? 'leads' : 'follows' };
}

/**
 * Splits the network and publishes on both sides, until a replica has been the master for so many ms. The last of the hosts has the
 * publisher at the old master.
 */
async function splitsOff(stage, hostsOf, ms) {
  const { place } = stage;
  const { proof } = await failsOver(
    stage,
    (old) => {
      const hosts = hostsOf(old);
      place.split(hosts);
      stage.publishAt(old, hosts.at(-1));
    },
    async () => {
      const { named } = place.promotions.at(-1);
      await sleep(ms);
      await rejoin(stage, named);
    },
  );
  return proof;
}

/** Ends the split. Proves that messages were published at the server that was cut off, after another one had its place. */
async function rejoin(stage, since = 0) {
  const { place, cutOff } = stage;
  await cutOff.stop();
  const there = cutOff
    .ledger()
    .filter(({ receivers, redisBefore }) => receivers !== undefined && redisBefore >= since);
  place.join();
  stage.joinedAt = Date.now();
  prove(there.length > 0, 'a message published at what was cut off');
}
