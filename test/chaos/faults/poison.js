import { COUNTERS } from '../keys.js';
import { proveSoon, RELAYS_AGAIN } from './fault.js';

/** Fewer and shorter attempts than by default: a round waits for all of them. */
export const FEW_ATTEMPTS = ['--timeout', '1s', '--max-attempts', '3', '--backoff', '100ms'];

/** @type {import('./fault.js').Fault[]} */
export const poison = [
  deadly('throws', 50, 'a processor that throws'),
  deadly('hangs', 10, 'a processor whose promise never settles, past its timeout'),
  deadly('busy', 2, 'a processor that is busy for 10 s without ever yielding'),
  deadly('exits', 5, 'a processor that calls process.exit'),
  deadly('undefined', 20, 'a processor that returns undefined, which is no JSON'),
  deadly('bigint', 20, 'a processor that returns a BigInt, which is no JSON'),
  deadly('circular', 20, 'a processor that returns a circle, which is no JSON'),
  deadly('not-json', 100, 'messages that are no JSON'),
  deadly('not-utf8', 100, 'messages that are no UTF-8'),
  deadly('no-id', 100, 'messages without a message_id'),
  {
    name: 'poison-huge',
    family: 'poison',
    line: '5 × a processor that returns a result of 4 MB',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    async strike({ publishing, probe }) {
      const before = probe.seen.processed;
      publishing.send('huge', 5);
      await proveSoon(() => probe.seen.processed > before, 'messages processed');
      return { proof: '5 published' };
    },
  },
];

/** Poison that must end as dead letters, while all other messages are processed. */
function deadly(kind, count, what) {
  return {
    name: `poison-${kind}`,
    family: 'poison',
    line: `${count} × ${what}`,
    cuts: /** @type {const} */ ('none'),
    outage: RELAYS_AGAIN,
    needs: { args: FEW_ATTEMPTS },
    async strike({ publishing, admin }) {
      const buried = async () => Number(await admin.hget(COUNTERS, 'dead'));
      const before = await buried();
      publishing.send(kind, count);
      const dead = await proveSoon(
        async () => {
          const more = (await buried()) - before;
          return more >= count && more;
        },
        `${count} dead letters`,
        20_000,
      );
      return { proof: `${dead} dead letters` };
    },
  };
}
