import { styleText } from 'node:util';
import { aboutText, numberText } from '../core/words.js';
import { formatDuration } from '../settings/durations.js';

/** What a text says about a state; a terminal shows it in a colour. */
export type TextTone = 'good' | 'warn' | 'bad' | 'unknown' | 'head' | 'dim';

/** Where a text for people goes. In a pipe nothing is cut or aligned, and numbers are digits: programs read it there. */
export interface Display {
  /** Columns of the terminal; Infinity in a pipe. */
  readonly width: number;
  /** Colours a text, if the stream shows colours. */
  paint(tone: TextTone, text: string): string;
  /** `1,203` on a terminal, `1203` in a pipe. */
  number(value: number): string;
  /** About how long, `12 s`, on a terminal; exactly, `12034ms`, in a pipe. */
  duration(ms: number): string;
}

/** Of a terminal that reports none. */
const DEFAULT_WIDTH = 80;

const STYLE = {
  good: 'green',
  warn: 'yellow',
  bad: 'red',
  unknown: 'magenta',
  head: 'cyan',
  dim: 'dim',
} as const satisfies Record<TextTone, string>;

/** The display of a pipe without colours. */
export const PLAIN: Display = {
  width: Number.POSITIVE_INFINITY,
  paint: (_tone, text) => text,
  number: String,
  duration: formatDuration,
};

/** The display of what is printed now. `NO_COLOR` and `FORCE_COLOR` count. */
export function displayOf(stream: NodeJS.WriteStream = process.stdout): Display {
  return {
    width: stream.isTTY ? stream.columns || DEFAULT_WIDTH : PLAIN.width,
    paint: (tone, text) => (text === '' ? text : styleText(STYLE[tone], text, { stream })),
    number: stream.isTTY ? numberText : PLAIN.number,
    duration: stream.isTTY ? aboutText : PLAIN.duration,
  };
}
