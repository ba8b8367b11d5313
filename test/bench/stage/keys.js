/** How keys are spread over messages, for orders by key. */
export const KEYS = 100_000;
/** Digits of a key in a message. */
export const KEY_DIGITS = 6;
/** Of the spread in which the key of rank r comes r ** -1.1 as often as the first. */
const EXPONENT = 1.1;

/**
 * @type {Record<string, () => (number: number) => number>} makes the function from the number of a message to its key: the same
 *   for the same number
 */
const SPREADS = {
  uniform: () => (number) => scattered(number) % KEYS,
  hot: () => () => 0,
  zipf: () => {
    const sums = new Float64Array(KEYS);
    let sum = 0;
    for (let rank = 0; rank < KEYS; rank++) sums[rank] = sum += (rank + 1) ** -EXPONENT;
    return (number) => rankAt(sums, (scattered(number) / 2 ** 32) * sum);
  },
};

/** @param {'uniform' | 'zipf' | 'hot'} spread */
export function keysOf(spread) {
  return SPREADS[spread]();
}

/** A whole number below 2^32 that looks random, from another: the end of MurmurHash3. */
function scattered(number) {
  let hash = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The first rank whose sum is above `at`. */
function rankAt(sums, at) {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle] > at) high = middle;
    else low = middle + 1;
  }
  return low;
}
