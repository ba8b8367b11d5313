import { setTimeout as sleep } from 'node:timers/promises';
import { CONSUMER_IDS, GROUP, PACKS } from '../keys.js';
import { until } from '../until.js';
import { prove, proveSoon, RELAYS_AGAIN } from './fault.js';

const family = 'scale';

/** @type {import('./fault.js').Fault[]} */
export const scale = [
  {
    name: 'rolling-restart',
    family,
    line: 'SIGTERM to each process in turn; the next one only when its replacement is ready',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const before = stage.group.processes;
      for (const one of before) {
        await one.kill(undefined, 'SIGTERM');
        await stage.group.whole(stage.bridges);
        await stage.bridgesInStep();
      }
      prove(!stage.group.processes.some((one) => before.includes(one)), 'every process replaced');
      return { proof: `${before.length} processes replaced` };
    },
  },
  {
    name: 'restart-after-lost-reads',
    family,
    line: 'a process reads packs, the replies are swallowed and its connections are cut: so it does not know that it holds them; then SIGTERM',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    // On a busy machine a process takes longer to end than others wait by default for what it holds.
    needs: { args: ['--claim-after', '10s'] },
    proxies: true,
    async strike({ group, admin, bridges }) {
      const follower = await group.follower();
      const held = async () => {
        const pending = await admin.xpending(PACKS, GROUP, '-', '+', 1_000);
        return pending.filter(([, consumer]) => follower.owns(consumer)).map(([id]) => id);
      };
      follower.proxy.modes.replies = 'drop';
      await sleep(300);
      const before = await held();
      follower.proxy.heal();
      follower.proxy.cut();
      const unknown = await proveSoon(async () => {
        await sleep(100);
        const now = await held();
        return before.filter((id) => now.includes(id));
      }, 'packs that it read');
      prove(unknown.length > 0, 'packs that it does not know of');
      await follower.kill(undefined, 'SIGTERM');
      await group.whole(bridges);
      return { proof: `${follower.pid} ended with ${unknown.length} packs that it did not know of` };
    },
  },
  {
    name: 'restart-together',
    family,
    line: 'SIGTERM to all processes at once; their replacements start at once, too',
    cuts: 'all',
    outage: { of: 'processed', within: 8_000, after: 'strike' },
    async strike({ group }) {
      const before = group.processes;
      await Promise.all(before.map((one) => one.kill(undefined, 'SIGTERM')));
      prove(
        before.every(({ end }) => end),
        'every process ended',
      );
      return { proof: `${before.length} processes ended and started together` };
    },
  },
  {
    name: 'scale-up-and-down',
    family,
    line: 'two more processes start; when they are ready, two older ones end by SIGTERM, one after the other',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const { group, admin, bridges } = stage;
      const old = group.processes.slice(0, 2);
      const before = await admin.llen(CONSUMER_IDS);
      await group.add(2);
      const during = await admin.llen(CONSUMER_IDS);
      prove(during > before, 'more consumers than before');
      for (const one of old) {
        await group.remove(one);
        await stage.bridgesInStep();
      }
      await group.whole(bridges);
      await until(async () => (await admin.llen(CONSUMER_IDS)) === before, { what: 'the old ids to leave' });
      return { proof: `consumers ${before}, ${during}, ${before}` };
    },
  },
];
