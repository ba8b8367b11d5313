/** A command that mends something. */
export interface Fix {
  /** Where it is typed: into redis-cli, or into a shell. */
  readonly at: 'redis' | 'shell';
  readonly words: readonly string[];
  /** The user of the URL may not do that. */
  readonly refused?: boolean;
}

/** What a check found. */
export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  /** `note`: worth knowing, or it cannot be told; nothing has to be done. */
  readonly status: 'ok' | 'note' | 'mend';
  /** What is so. */
  readonly what: string;
  /** Why it matters; where it is not well. */
  readonly why?: string;
  readonly fixes?: readonly Fix[];
}

export function redis(...words: string[]): Fix {
  return { at: 'redis', words };
}

export function shell(...words: string[]): Fix {
  return { at: 'shell', words };
}

/** What could not be looked at, because Redis refuses a command: it may be well or not. */
export function unseen(check: string, command: string, ...fixes: Fix[]): Finding {
  return {
    check,
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
export function lineOf({ what, fixes }: Finding): string {
  return fixes?.[0] ? `${what}: ${redisLine(fixes[0].words)}` : what;
}

/** Bytes as Redis writes them in its settings: `64mb`. Rounded up, so that what is advised suffices. */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}mb`;
}
