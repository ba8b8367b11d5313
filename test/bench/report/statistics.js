/** The middle of some numbers. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @returns {{ median: number, least: number, most: number } | undefined} undefined for no numbers at all */
export function spread(numbers) {
  if (numbers.length === 0) return undefined;
  return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) };
}

/** Spread of one quantity over another, round by round: only what ran side by side is compared. */
export function ratio(rounds, over, under) {
  return spread(rounds.map((round) => over(round) / under(round)));
}

/**
 * Events per second between the first and the last tenth.
 *
 * @param {ArrayLike<number>} times ms, in rising order
 */
export function middleRate(times) {
  const from = Math.floor(times.length * 0.1);
  const to = Math.ceil(times.length * 0.9) - 1;
  return ((to - from) / (times[to] - times[from])) * 1_000;
}

/**
 * What adding costs: each rate but the first ÷ the best of those with fewer. 1 or more: the step gained.
 *
 * @param {number[]} rates in the order of growing numbers of consumers
 */
export function steps(rates) {
  let [best] = rates;
  return rates.slice(1).map((rate) => {
    const step = rate / best;
    best = Math.max(best, rate);
    return step;
  });
}

/** Items by the value of a key, in the order of their first occurrence. */
export function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(item);
  }
  return groups;
}
