import { createInterface } from 'node:readline/promises';

/** Asks on the terminal whether to go on. Any answer but `y` or `yes` is a no, and so are Ctrl-C and Ctrl-D. */
export async function confirmed(question: string): Promise<boolean> {
  const { stdin, stderr } = process;
  // On stderr: stdout is for results and may be a pipe.
  const terminal = createInterface({ input: stdin, output: stderr });
  const ending = new AbortController();
  terminal.once('SIGINT', () => terminal.close());
  // After Ctrl-C or Ctrl-D the question would stay open for ever.
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
