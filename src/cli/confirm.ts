import { createInterface } from 'node:readline/promises';

/** Whether somebody sits at the terminal. */
export function isAttended(): boolean {
  return process.stdin.isTTY === true;
}

/** Whether a question would be seen there. */
export function canAsk(): boolean {
  return process.stderr.isTTY === true;
}

/** Asks on the terminal whether to go on; only a yes is one. */
export async function confirmed(question: string): Promise<boolean> {
  const { stdin, stderr } = process;
  // On stderr: stdout is for results, and may be a pipe.
  const terminal = createInterface({ input: stdin, output: stderr });
  const ending = new AbortController();
  terminal.once('SIGINT', () => terminal.close());
  // Ctrl-C and Ctrl-D leave the question open for ever, unless it is withdrawn.
  terminal.once('close', () => ending.abort());
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: ending.signal });
    return /^\s*y(es)?\s*$/i.test(answer);
  } catch (error) {
    if (!ending.signal.aborted) throw error;
    stderr.write('\n');
    return false;
  } finally {
    terminal.close();
  }
}
