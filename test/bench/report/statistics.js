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

/** Spread of one quantity over another, round by round: it compares only runs of the same round. */
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
 * The worst step: the lowest ratio, over all pairs of sizes, of the rate with more to the rate with fewer, each the median
 * over the rounds. (The best rate of one round is mostly luck, and any other looks bad next to it.) 1 or more: adding
 * costs nothing.
 *
 * @param {number[][]} rounds rates in the order of growing sizes, two at least
 */
export function worstStep(rounds) {
  const [first] = rounds;
  const pairs = first.flatMap((_, more) => first.slice(0, more).map((_, fewer) => [more, fewer]));
  return Math.min(...pairs.map(([more, fewer]) => median(rounds.map((rates) => rates[more] / rates[fewer]))));
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
