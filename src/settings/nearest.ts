/** More than this many wrong letters, and it is another word. */
const MOST_EDITS = 3;
/** At least this share of the letters must be right. */
const LEAST_ALIKE = 0.4;

/**
 * The candidate that `word` was probably meant to be, or undefined if none is near.
 * Case, `-` and `_` do not count, so that `claim-after` finds `claimAfter`.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = plain(word);
  let best: string | undefined;
  let bestEdits = MOST_EDITS + 1;
  for (const candidate of candidates) {
    const letters = plain(candidate);
    const edits = distance(wanted, letters);
    const alike = 1 - edits / Math.max(wanted.length, letters.length);
    if (edits < bestEdits && alike > LEAST_ALIKE) {
      best = candidate;
      bestEdits = edits;
    }
  }
  // `redisUrl` is five letters of seven away from `redis`, and still means it.
  return best ?? candidates.find((candidate) => candidate.length > 3 && wanted.startsWith(plain(candidate)));
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, '');
}

/** How many letters to insert, delete, replace, or swap with a neighbour to get from `a` to `b`. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, at(beforeLast, j - 2) + 1);
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
