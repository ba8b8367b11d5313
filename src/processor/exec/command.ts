import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { parse } from 'shell-quote';
import { CgroupError } from '../../core/errors.js';

/** A program and its arguments. */
export type Command = readonly [program: string, ...args: string[]];

/** A variable as the parser returns it. No command can hold this character. */
const VARIABLE = '\0';

/** Each quote has its end. */
const CLOSED_QUOTES = /^(?:[^'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")*\\?$/s;

/**
 * Splits a command as a shell splits words. No shell runs it, so what only a shell can do is refused.
 *
 * @throws {CgroupError} PROCESSOR
 */
export function parseCommand(text: string): Command {
  const refuse = (what: string) =>
    new CgroupError(
      'PROCESSOR',
      `no shell runs the command "${text}", so ${what} has no meaning in it: quote it, or run a shell: exec:sh -c '…'`,
    );
  if (text.includes('\0')) throw refuse('a zero byte');
  if (!CLOSED_QUOTES.test(text)) throw refuse('an open quote');
  const words = parse(text, (name) => `${VARIABLE}${name}`).map((word) => {
    if (typeof word === 'string') {
      const [, variable] = word.split(VARIABLE);
      if (variable !== undefined) throw refuse('$');
      return word;
    }
    if ('comment' in word) throw refuse('#');
    throw refuse('pattern' in word ? word.pattern : word.op);
  });
  const [program, ...args] = words;
  if (!program) throw new CgroupError('PROCESSOR', 'exec: needs a command, such as exec:python3 handler.py');
  return [program, ...args];
}

/**
 * Checks that the program of a command can be run.
 *
 * @param path the folders to look in, as in the variable PATH
 * @throws {CgroupError} PROCESSOR
 */
export async function checkProgram([program]: Command, path = process.env.PATH ?? ''): Promise<void> {
  const isPath = program.includes('/');
  const files = isPath ? [resolve(program)] : path.split(delimiter).map((folder) => join(folder, program));
  let found: string | undefined;
  for (const file of files) {
    if (!(await stat(file).catch(() => undefined))?.isFile()) continue;
    found ??= file;
    const executable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return;
  }
  if (found !== undefined)
    throw new CgroupError(
      'PROCESSOR',
      `the program ${found} is not executable: chmod +x it, or name its interpreter, such as exec:python3 ${program}`,
    );
  throw new CgroupError(
    'PROCESSOR',
    isPath
      ? `there is no program at ${resolve(program)}`
      : `there is no program ${program} on the PATH; to run a file of this folder, write exec:./${program}`,
  );
}
