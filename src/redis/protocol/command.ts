import type { Argument } from './script.js';

/** The bytes of a command (https://redis.io/docs/latest/develop/reference/protocol-spec/), in one piece. */
export function commandBytes(args: readonly Argument[]): Buffer {
  let [text, size] = [`*${args.length}\r\n`, 0];
  // Texts between two buffers are written at once.
  const runs: (string | Buffer)[] = [];
  for (const arg of args) {
    if (typeof arg === 'object') {
      runs.push(`${text}$${arg.length}\r\n`, arg);
      size += arg.length;
      text = '\r\n';
    } else {
      const word = String(arg);
      text += `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
    }
  }
  runs.push(text);
  for (const run of runs) if (typeof run === 'string') size += Buffer.byteLength(run);
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const run of runs) at += typeof run === 'string' ? bytes.write(run, at) : run.copy(bytes, at);
  return bytes;
}
