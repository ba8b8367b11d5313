import cliProgress from 'cli-progress';
import { formatDuration } from '../settings/durations.js';

/** ms before anything is shown: what is done by then needs no progress. */
const PATIENCE = 1_000;
/** ms between two drawings of a bar, and between two plain lines. */
const BAR_EVERY = 200;
const LINE_EVERY = 5_000;

export interface ProgressOptions {
  /** How much there is to do, where that is known. */
  readonly total?: number | undefined;
  /** What is counted, in the plural: `messages`. */
  readonly unit: string;
  /** What is done: `publishing`. */
  readonly label: string;
  /** Where it is shown; stderr. */
  readonly stream?: NodeJS.WriteStream;
}

export interface Progress {
  /**
   * So much is done, of a total that may have become known or changed. Cheap: it may be called for each
   * message.
   */
  update(done: number, total?: number): void;
  /** Shows nothing more; a bar is wiped away. To be called in the end, whatever happened. */
  stop(): void;
}

/**
 * Shows on stderr how far some work has come: on a terminal as a bar with the rate and the time that is left,
 * elsewhere (or where the total is not known) as a plain line every 5 s. Nothing at all when the work takes
 * less than a second.
 */
export function progress(options: ProgressOptions): Progress {
  const { unit, label, stream = process.stderr } = options;
  const started = performance.now();
  let [done, total, lastLine] = [0, options.total, started];
  let bar: cliProgress.SingleBar | undefined;
  const text = () => progressText({ done, total, unit, elapsed: performance.now() - started });

  const draw = () => {
    if (stream.isTTY && total !== undefined && total > 0) {
      if (!bar) {
        bar = barOn(stream, label);
        bar.start(total, Math.min(done, total), { text: text() });
      }
      bar.setTotal(total);
      bar.update(Math.min(done, total), { text: text() });
    } else if (done > 0 && performance.now() - lastLine >= LINE_EVERY) {
      lastLine = performance.now();
      stream.write(`${label}: ${text()}\n`);
    }
  };
  let interval: NodeJS.Timeout | undefined;
  const patience = setTimeout(() => {
    draw();
    interval = setInterval(draw, BAR_EVERY).unref();
  }, PATIENCE).unref();

  return {
    update: (value, ofTotal = total) => {
      done = value;
      total = ofTotal;
    },
    stop: () => {
      clearTimeout(patience);
      clearInterval(interval);
      bar?.stop();
    },
  };
}

interface State {
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: string;
  /** ms since the start */
  readonly elapsed: number;
}

/** `120000 of 300000 messages, 40000/s, 5s left`; `120000 messages, 40000/s` where the total is not known. */
export function progressText({ done, total, unit, elapsed }: State): string {
  const rate = elapsed > 0 ? Math.round((done * 1_000) / elapsed) : 0;
  const of = total === undefined ? '' : ` of ${total}`;
  const left = total !== undefined && rate > 0 ? `, ${shortTime((total - done) / rate)} left` : '';
  return `${done}${of} ${unit}, ${rate}/s${left}`;
}

/** Seconds, as a person would say them. */
function shortTime(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return formatDuration((whole < 120 ? whole : Math.ceil(whole / 60) * 60) * 1_000).replace('0ms', '0s');
}

function barOn(stream: NodeJS.WriteStream, label: string) {
  return new cliProgress.SingleBar({
    stream,
    format: `${label} [{bar}] {percentage}% {text}`,
    barCompleteChar: '#',
    barIncompleteChar: '-',
    barsize: 30,
    clearOnComplete: true,
    fps: 1_000 / BAR_EVERY,
    // A second signal ends the process at once: it must not leave a terminal without cursor or line wrapping.
    hideCursor: false,
    linewrap: true,
    gracefulExit: false,
  });
}
