import type { Argument } from './script.js';

/**
 * The bytes of commands, one behind the other, in one piece
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 *
 * @param memory where to write them, if they fit
 */
export function commandBytes(commands: readonly (readonly Argument[])[], memory?: Buffer): Buffer {
  let [text, size] = ['', 0];
  // All texts between two buffers are written at once.
  const runs: (string | Buffer)[] = [];
  for (const args of commands) {
    text += `*${args.length}\r\n`;
    for (const arg of args) {
      if (typeof arg === 'object') {
        runs.push(`${text}$${arg.length}\r\n`, arg);
        text = '\r\n';
      } else {
        text += bulk(arg);
      }
    }
  }
  runs.push(text);
  for (const run of runs) size += typeof run === 'string' ? Buffer.byteLength(run) : run.length;
  const bytes = memory && size <= memory.length ? memory.subarray(0, size) : Buffer.allocUnsafe(size);
  let at = 0;
  for (const run of runs) at += typeof run === 'string' ? bytes.write(run, at) : run.copy(bytes, at);
  return bytes;
}

/** One argument of a command, as text. */
export function bulk(arg: Argument): string {
  const text = String(arg);
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}
