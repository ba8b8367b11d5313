/** What comes in the order of its ids, newest first. */
type Compare<T> = (a: T, b: T) => number;

/**
 * Merges several sources, each newest first, into one that is newest first.
 *
 * @param compare positive where the first comes after the second in time
 */
export async function* mergedNewest<T>(
  sources: readonly AsyncGenerator<T>[],
  compare: Compare<T>,
): AsyncGenerator<T> {
  const heads = await Promise.all(sources.map((source) => source.next()));
  for (;;) {
    const at = newestAt(
      heads.map((head) => (head.done ? undefined : head.value)),
      compare,
    );
    const [head, source] = [heads[at], sources[at]];
    if (!head || head.done || !source) return;
    yield head.value;
    heads[at] = await source.next();
  }
}

/** As {@link mergedNewest}, with the oldest first. */
export function mergedOldest<T>(
  sources: readonly AsyncGenerator<T>[],
  compare: Compare<T>,
): AsyncGenerator<T> {
  return mergedNewest(sources, (a, b) => compare(b, a));
}

/**
 * A page of what several sources hold together, newest first. Of each source it reads little more than what it needs of it.
 *
 * @param read so many of a source that are older than `before`, newest first: fewer mean that there are no more
 * @param before begins there: undefined for the newest
 */
export async function mergedPage<T>(
  sources: number,
  count: number,
  read: (source: number, before: T | undefined, count: number) => Promise<readonly T[]>,
  compare: Compare<T>,
): Promise<T[]> {
  const step = Math.min(count, Math.ceil((2 * count) / sources));
  const parts = Array.from({ length: sources }, (_, source) => ({
    source,
    last: undefined as T | undefined,
    rest: [] as T[],
    ended: false,
  }));
  const page: T[] = [];
  while (page.length < count) {
    const empty = parts.filter(({ rest, ended }) => rest.length === 0 && !ended);
    await Promise.all(
      empty.map(async (part) => {
        const more = await read(part.source, part.last, step);
        part.rest = [...more];
        part.last = more.at(-1);
        part.ended = more.length < step;
      }),
    );
    const at = newestAt(
      parts.map(({ rest }) => rest[0]),
      compare,
    );
    const next = parts[at]?.rest.shift();
    if (next === undefined) break;
    page.push(next);
  }
  return page;
}

/** Where the newest one is; -1 if there is none. */
function newestAt<T>(all: readonly (T | undefined)[], compare: Compare<T>): number {
  let at = -1;
  for (const [i, one] of all.entries()) {
    const best = all[at];
    if (one !== undefined && (best === undefined || compare(one, best) > 0)) at = i;
  }
  return at;
}
