/** How many messages are wrong, by kind. */
export interface Differences {
  /** Messages without the result or dead letter that they should have. */
  readonly lost: number;
  /** Results or dead letters of one message beyond the first. */
  readonly doubled: number;
  /** Results or dead letters of unknown messages. */
  readonly unexpected: number;
}

/** A few ids of each kind, if known. */
export interface Examples {
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly unexpected: readonly string[];
}

const MOST_EXAMPLES = 10;

/** Adds an id to the examples, unless they are ten already. */
export function note(examples: string[], id: string): void {
  if (examples.length < MOST_EXAMPLES && !examples.includes(id)) examples.push(id);
}

/** The first few of several lists, as many as of one. */
export function firstOf(lists: readonly (readonly string[])[]): string[] {
  return lists.flat().slice(0, MOST_EXAMPLES);
}

export function addedDifferences(all: readonly Differences[]): Differences {
  const sum = (key: keyof Differences) => all.reduce((so, one) => so + one[key], 0);
  return { lost: sum('lost'), doubled: sum('doubled'), unexpected: sum('unexpected') };
}
