import leven from 'leven';

/** A word with more wrong letters than this is another word. */
const MAX_EDITS = 3;
/** The least share of letters that must be right. */
const MIN_SIMILARITY = 0.4;

/**
 * The candidate that `word` was probably meant to be, or undefined if none is near.
 * Case, `-` and `_` do not count: `claim-after` finds `claimAfter`.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = plain(word);
  let best: string | undefined;
  let bestEdits = MAX_EDITS + 1;
  for (const candidate of candidates) {
    const letters = plain(candidate);
    const edits = leven(wanted, letters);
    const similarity = 1 - edits / Math.max(wanted.length, letters.length);
    if (edits < bestEdits && similarity > MIN_SIMILARITY) {
      best = candidate;
      bestEdits = edits;
    }
  }
  // `redisConnection` is far from `redis`, and still means it.
  return best ?? candidates.find((candidate) => candidate.length > 3 && wanted.startsWith(plain(candidate)));
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, '');
}
