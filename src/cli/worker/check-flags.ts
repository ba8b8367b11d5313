import { type Command, InvalidArgumentError } from 'commander';
import { durationArgument } from '../arguments.js';

/** The flags of `cgroup worker --check`. */
export interface CheckFlags {
  readonly check?: string;
  readonly message?: string;
  readonly failing?: string;
  readonly answerWithin?: number;
  readonly json?: boolean;
}

/** The flags of `cgroup worker` that are no settings. */
export interface WorkerFlags extends CheckFlags {
  readonly connect?: string;
  readonly name?: string;
}

/** Adds the flags of the conformance test to the command. */
export function addCheckFlags(command: Command): Command {
  return command
    .option(
      '--check <worker>',
      'check a worker of yours: exec:COMMAND, http://URL, or ws://HOST:PORT/workers',
    )
    .option('--message <json>', '--check: a message that the worker can process', jsonObject)
    .option('--failing <json>', '--check: a message that must fail', jsonObject)
    .option(
      '--answer-within <duration>',
      '--check: how long an answer may take (default: 10s)',
      durationArgument,
    )
    .option('--json', '--check: print one JSON object');
}

function jsonObject(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return text;
  } catch {
    // It is refused below.
  }
  throw new InvalidArgumentError('It must be a JSON object such as {"message_id":"1"}.');
}
