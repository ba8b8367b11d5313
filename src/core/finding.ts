/** A command that puts something right. */
export interface Fix {
  /** Where to type it: in redis-cli, or in a shell. */
  readonly at: 'redis' | 'shell';
  readonly words: readonly string[];
  /** The user of the URL lacks the right to it. */
  readonly refused?: boolean;
}

/** What one check found. */
export interface CheckState {
  /** `mend`: something is wrong. `note`: worth knowing, or not checked; nothing has to be done. */
  readonly status: 'ok' | 'note' | 'mend';
  /** The state that was found. */
  readonly what: string;
  /** Why it matters, if it is not `ok`. */
  readonly why?: string;
  readonly fixes?: readonly Fix[];
}

export interface Finding extends CheckState {
  /** What was checked, in a word or two. */
  readonly check: string;
}

export function redis(...words: string[]): Fix {
  return { at: 'redis', words };
}

export function shell(...words: string[]): Fix {
  return { at: 'shell', words };
}

/** A check that Redis did not allow, because it refuses a command. */
export function unseen(command: string, ...fixes: Fix[]): CheckState {
  return {
    status: 'note',
    what: notChecked(command),
    ...(fixes.length === 0 ? {} : { why: ASK_ANOTHER, fixes }),
  };
}

export function notChecked(command: string): string {
  return `not checked: Redis refuses ${command} to this user`;
}

export const ASK_ANOTHER = 'ask with a user that may; managed services show it in their console';

/** A command as Redis reads it in redis-cli. */
export function redisLine(words: readonly string[]): string {
  return words.map((word) => (/^[^\s"'\\]+$/.test(word) ? word : JSON.stringify(word))).join(' ');
}

/** A finding as a line of the log. */
export function lineOf({ what, fixes }: CheckState): string {
  return fixes?.[0] ? `${what}: ${redisLine(fixes[0].words)}` : what;
}

/** Bytes as Redis writes them in its settings: `64mb`. Rounded up, so that an advised size is enough. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}mb`;
}
