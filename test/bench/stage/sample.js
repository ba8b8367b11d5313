import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Reads something again and again until `end` is called, which returns all readings.
 *
 * @param {number} everyMs
 * @returns {{ end: () => Promise<{ at: number, value: any }[]> }} `at`: ms since the first
 */
export function sample(everyMs, read) {
  const readings = [];
  const began = performance.now();
  let ended = false;
  const work = (async () => {
    do {
      readings.push({ at: performance.now() - began, value: await read() });
      await sleep(everyMs);
    } while (!ended);
  })();
  // It may fail long before `end` is called, which then throws.
  work.catch(() => {});
  return {
    end: async () => {
      ended = true;
      await work;
      return readings;
    },
  };
}
