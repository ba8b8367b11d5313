/** What is wrong. */
export interface Differences {
  /** Messages that ought to have a result or a dead letter, and have none. */
  readonly lost: number;
  /** Results or dead letters of one message beyond the first. */
  readonly doubled: number;
  /** Results or dead letters of no message that is known. */
  readonly unexpected: number;
}

/** Ids of the first few of each kind, as far as they are known. */
export interface Examples {
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly unexpected: readonly string[];
}

const MOST_EXAMPLES = 10;

/** Keeps an id as an example, if there are not enough yet. */
export function note(examples: string[], id: string): void {
  if (examples.length < MOST_EXAMPLES && !examples.includes(id)) examples.push(id);
}
