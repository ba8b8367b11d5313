import { CONSUMER_IDS } from '../keys.js';
import { until } from '../until.js';
import { prove, RELAYS_AGAIN } from './fault.js';

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
