/** Every code a {@link CgroupError} can carry. A closed list: callers may switch over it. */
export type ErrorCode =
  | 'SETTINGS' // a setting is unknown or has a wrong value
  | 'PROCESSOR' // the processor's module is missing, broken, or exports no function
  | 'REDIS_UNREACHABLE' // no connection to Redis within the time allowed, or none that answers a question
  | 'REDIS_AUTH' // Redis refused the user or the password
  | 'REDIS_VERSION' // the server is older than 6.2
  | 'REDIS_NOT_INSTALLED' // a private Redis was asked for and there is no server on the PATH
  | 'KEY_TYPE' // a key of the group holds something that is not ours
  | 'REDIS_REFUSED' // Redis answered a command with an error
  | 'OUTCOME_UNKNOWN' // the connection ended before the reply: what was to be done may or may not be done
  | 'OTHER_SERVER' // Redis is another server than the one that this was meant for: nothing was done
  | 'NO_GROUP' // the stream's consumer group does not exist (flushed or destroyed)
  | 'NOT_FOUND' // a dead letter, a file or a group that was named does not exist
  | 'WRONG_MESSAGE' // a message that was given to publish cannot be published
  | 'RECORD_AWAY' // the system of record does not answer, or cannot write for now
  | 'RECORD_REFUSED' // the system of record refuses: its table, a right, or the statement of recordSql
  | 'LISTEN' // the address of `http` is in use, or none of this machine
  | 'STALE' // another change came first
  | 'STATE' // a method was called at a time when it cannot work
  | 'INTERNAL'; // a defect of ours

/** An error with a code for programs and a message for people: what is wrong and what to do. */
export class CgroupError extends Error {
  override readonly name: string = 'CgroupError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether it is an error of ours with one of these codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return error instanceof CgroupError && codes.includes(error.code);
}

/** One wrong setting: where it stands, what is wrong with it. */
export interface SettingProblem {
  /** The setting's name in camel case, as in the config file. */
  readonly setting: string;
  /** What is wrong and what is allowed, without the place. */
  readonly message: string;
}

/** Some settings are wrong or unknown. All of them are listed, not only the first. */
export class SettingsError extends CgroupError {
  override readonly name = 'SettingsError';
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[], options?: ErrorOptions) {
    super('SETTINGS', problems.map((p) => p.message).join('\n'), options);
    this.problems = problems;
  }
}

/** What `value` says to a person, whatever was thrown. Never throws, even if the value does when it is looked at. */
export function messageOf(value: unknown): string {
  try {
    // An error's message can be anything: nothing but text may get into the log and to Redis.
    return String(value instanceof Error ? value.message || value.name : value);
  } catch {
    return 'a value that cannot be shown';
  }
}

/** Bytes of an error that are kept: some libraries put all of their input into it. */
const LONGEST_ERROR = 8_192;

/** Bytes of a stack that are kept. */
export const LONGEST_STACK = 4_096;

/** The beginning of a long error, as a text of its own: a slice would keep all of it in memory. */
export function cutError(error: string): string {
  const bytes = Buffer.byteLength(error);
  if (bytes <= LONGEST_ERROR) return error;
  const note = `… (cut: ${bytes} bytes in all)`;
  const kept = new Uint8Array(LONGEST_ERROR - Buffer.byteLength(note));
  const { written } = new TextEncoder().encodeInto(error, kept);
  return `${Buffer.from(kept.buffer, 0, written).toString()}${note}`;
}
