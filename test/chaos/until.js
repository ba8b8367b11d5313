import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until `condition` returns something true, and returns that. An exception counts as "not yet".
 *
 * @param {() => any} condition
 * @param {{ what: string, timeout?: number, every?: number }} options `timeout` and `every` in ms
 */
export async function until(condition, { what, timeout = 15_000, every = 20 }) {
  const deadline = performance.now() + timeout;
  let seen;
  while (performance.now() < deadline) {
    try {
      seen = await withTimeout(condition(), deadline - performance.now());
      if (seen) return seen;
    } catch (error) {
      seen = error;
    }
    await sleep(every);
  }
  throw new Error(`waited ${timeout} ms for ${what}; last seen: ${String(seen)}`);
}

/** A Redis that is gone may never answer. */
async function withTimeout(promise, ms) {
  let timer;
  const timeUp = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error('no answer')), Math.max(ms, 1));
  });
  try {
    return await Promise.race([promise, timeUp]);
  } finally {
    clearTimeout(timer);
  }
}
