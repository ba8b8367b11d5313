import { setTimeout as sleep } from 'node:timers/promises';
import { prove, TAKEN_OVER } from './fault.js';

const MINUTES = 2;
const EVERY_MS = 10_000;
/** Longer than the lease (1 s) and than `claimAfter` (3 s). */
const STOPPED_MS = 4_500;

/** @type {import('./fault.js').Fault[]} */
export const storm = [
  {
    name: 'storm',
    family: 'storm',
    long: true,
    line: `${MINUTES} minutes, in which every ${EVERY_MS / 1_000} s a process is killed, or stopped for ${STOPPED_MS / 1_000} s`,
    cuts: 'one',
    outage: TAKEN_OVER,
    async strike(stage, random) {
      const { group, bridges } = stage;
      const done = { killed: 0, stopped: 0 };
      for (const until = performance.now() + MINUTES * 60_000; performance.now() < until; ) {
        const began = performance.now();
        const one = random.pick(group.processes);
        if (random.next() < 0.5) {
          await one.kill('storm');
          done.killed++;
        } else {
          one.signal('SIGSTOP');
          await sleep(STOPPED_MS);
          one.signal('SIGCONT');
          done.stopped++;
        }
        await group.whole(bridges);
        await stage.bridgesInStep();
        await sleep(Math.max(0, EVERY_MS - (performance.now() - began)));
      }
      prove(done.killed > 0 && done.stopped > 0, 'some killed and some stopped');
      const { backlog } = stage.probe.most;
      return { proof: `${done.killed} killed, ${done.stopped} stopped; backlog at most ${backlog}` };
    },
  },
];
