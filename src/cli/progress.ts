import { clearLine, cursorTo } from 'node:readline';
import { aboutText, numberText } from '../core/words.js';
import { cutTo } from './width.js';

/** ms before anything is shown: shorter work needs no progress. */
const SHOW_AFTER = 1_000;
/** ms between two drawings of a bar, and between two plain lines. */
const BAR_EVERY = 200;
const LINE_EVERY = 5_000;
/** Characters between the brackets of a bar. */
const BAR_WIDTH = 30;

interface ProgressOptions {
  /** The amount of work, if it is known. */
  readonly total?: number | undefined;
  /** The plural of the counted things: `messages`. */
  readonly unit: string;
  /** The work in a word: `publishing`. */
  readonly label: string;
  /** Default: stderr. */
  readonly stream?: NodeJS.WriteStream;
}

interface ProgressDisplay {
  /** Sets how much is done, of a total that may be new or changed. Cheap: it may be called for each message. */
  update(done: number, total?: number): void;
  /** Removes the bar and shows nothing more. */
  stop(): void;
}

/**
 * Shows the progress of some work: on a terminal as a bar with rate and time left, elsewhere (or if the total is
 * not known) as a plain line every 5 s. Shows nothing if the work takes less than a second.
 */
export function showProgress(options: ProgressOptions): ProgressDisplay {
  const { unit, label, stream = process.stderr } = options;
  const started = performance.now();
  let [done, total, lastLine] = [0, options.total, started];
  let hasBar = false;
  const text = () => progressText({ done, total, unit, elapsed: performance.now() - started });

  const draw = () => {
    if (stream.isTTY && total !== undefined && total > 0) {
      hasBar = true;
      drawBar(stream, `${label} ${barText(done / total)} ${text()}`);
    } else if (done > 0 && performance.now() - lastLine >= LINE_EVERY) {
      lastLine = performance.now();
      stream.write(`${label}: ${text()}\n`);
    }
  };
  let interval: NodeJS.Timeout | undefined;
  const waiting = setTimeout(() => {
    draw();
    interval = setInterval(draw, BAR_EVERY).unref();
  }, SHOW_AFTER).unref();

  return {
    update: (value, ofTotal = total) => {
      done = value;
      total = ofTotal;
    },
    stop: () => {
      clearTimeout(waiting);
      clearInterval(interval);
      if (hasBar) clearBar(stream);
    },
  };
}

/**
 * Shows the progress of some work until it ends, after an error too.
 *
 * @param work calls `update` as it goes on
 */
export async function withProgress<T>(
  options: ProgressOptions,
  work: (update: ProgressDisplay['update']) => Promise<T>,
): Promise<T> {
  const display = showProgress(options);
  try {
    return await work(display.update);
  } finally {
    display.stop();
  }
}

interface ProgressState {
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: string;
  /** ms since the start */
  readonly elapsed: number;
}

/** `120,000 of 300,000 messages, 40,000/s, 5 s left`; `120,000 messages, 40,000/s` if the total is not known. */
export function progressText({ done, total, unit, elapsed }: ProgressState): string {
  const rate = elapsed > 0 ? Math.round((done * 1_000) / elapsed) : 0;
  const of = total === undefined ? '' : ` of ${numberText(total)}`;
  const left =
    total !== undefined && rate > 0 && done < total
      ? `, ${aboutText(Math.ceil((total - done) / rate) * 1_000)} left`
      : '';
  return `${numberText(done)}${of} ${unit}, ${numberText(rate)}/s${left}`;
}

/** `[######------------------------] 20%` */
function barText(share: number): string {
  const part = Math.min(1, share);
  const full = Math.round(part * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}] ${Math.floor(part * 100)}%`;
}

/** Never wraps: what does not fit is cut. The cursor stays shown, because a second signal ends the process at once. */
function drawBar(stream: NodeJS.WriteStream, text: string): void {
  cursorTo(stream, 0);
  stream.write(cutTo(text, (stream.columns || 80) - 1));
  clearLine(stream, 1);
}

function clearBar(stream: NodeJS.WriteStream): void {
  cursorTo(stream, 0);
  clearLine(stream, 0);
}
