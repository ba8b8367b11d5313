import { fileURLToPath } from 'node:url';
import { LONGEST_STACK } from '../core/errors.js';
import { isOwnCode } from '../core/own-files.js';
import { maskUrls } from '../log/redaction.js';

/** Characters of the first line that are read, and of any line that are kept. */
const LONGEST_HEAD = 10_000;
const LONGEST_LINE = 500;
/** Characters at the end of a stack that are read: before them is the message, which may be long. */
const LONGEST_READ = 65_536;
const LINE_END = /[\n\r\u2028\u2029]/;
/** A frame, and the file that it names, if it names one. It takes long for a long line: a message may look like one. */
const FRAME = /^\s+at (?:.*\()?(.*?)(?::\d+)?(?::\d+)?\)?$/;

/**
 * The stack of what a processor threw, for its dead letter. Never throws, whatever the value does.
 *
 * @returns at most 4 KB (see {@link keptStack}); undefined if the value is no Error, or has no stack
 */
export function stackOf(error: unknown): string | undefined {
  try {
    const stack: unknown = error instanceof Error ? error.stack : undefined;
    return typeof stack === 'string' ? keptStack(stack) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The part of a stack that is kept: the first line, then the frames, as many as 4 KB hold. Our own frames and those of Node are left
 * out. URLs have no secrets.
 *
 * @returns undefined if no frame is left: the error says all then
 */
export function keptStack(stack: string): string | undefined {
  const [first = ''] = stack.slice(0, LONGEST_HEAD).split('\n', 1);
  const frames = stack
    .slice(-LONGEST_READ)
    .split(LINE_END)
    .map((line) => line.slice(0, LONGEST_LINE))
    .filter((line) => {
      const [, place] = FRAME.exec(line) ?? [];
      return place !== undefined && !isOfNode(place) && !isOurs(place);
    });
  if (frames.length === 0) return undefined;
  let kept = maskUrls(first).slice(0, LONGEST_LINE);
  for (const line of frames) {
    const longer = `${kept}\n${maskUrls(line)}`;
    if (Buffer.byteLength(longer) > LONGEST_STACK) break;
    kept = longer;
  }
  return kept;
}

/** Built-in functions such as Array.map have no file. */
function isOfNode(place: string): boolean {
  return /^(?:node:|<anonymous>$|native$|index \d+$)/.test(place);
}

function isOurs(place: string): boolean {
  const path = place.replace(/^async /, '');
  return isOwnCode(path.startsWith('file:') ? fileURLToPath(path) : path);
}
