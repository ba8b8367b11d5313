import { setTimeout as sleep } from 'node:timers/promises';
import { FakeClock } from '../fake-clock.js';
import { prove, RELAYS_AGAIN } from './fault.js';

const HOUR = 3_600;
/** Messages per second, so few that some are relayed in packs, and some are not. */
const FEW = 150;

const common = {
  family: 'clock',
  cuts: /** @type {const} */ ('none'),
  outage: RELAYS_AGAIN,
  needs: { redis: { fakeClock: true } },
  impossible: () => FakeClock.impossible(),
};

/** @type {import('./fault.js').Fault[]} */
export const clock = [
  {
    ...common,
    name: 'clock-forward-and-back',
    line: 'Redis’s clock goes an hour forwards, and after 3 s back',
    async strike(stage) {
      const forward = await shift(stage, HOUR);
      await sleep(3_000);
      const back = await shift(stage, 0);
      return { proof: `Redis was ${forward} s ahead, then ${back} s` };
    },
  },
  {
    ...common,
    name: 'clock-back',
    line: `Redis’s clock goes an hour back, and stays; then only ${FEW} messages/s come, one or two at a time`,
    async strike(stage) {
      const back = await shift(stage, -HOUR);
      await sleep(2_000);
      stage.publishing.setRate(FEW);
      return { proof: `Redis was ${back} s ahead` };
    },
  },
];

/** Moves the clock; returns the seconds by which Redis is ahead of this process. */
async function shift({ redis, admin }, seconds) {
  redis.clock.shift(seconds);
  const [now] = await admin.time();
  const ahead = Math.round(Number(now) - Date.now() / 1_000);
  prove(Math.abs(ahead - seconds) <= 3, `a clock that is ${seconds} s ahead (it is ${ahead} s)`);
  return ahead;
}
