import { pino } from 'pino';
import pretty from 'pino-pretty';
import { CgroupError, messageOf } from '../core/errors.js';
import { plural } from '../core/words.js';
import { boundWrites, written } from '../log/bounded-writes.js';
import { cleaned, jsonLine, secretsIn } from '../log/log-line.js';
import type { Logger } from '../log/logger.js';
import { ThrottledLog } from '../log/throttle.js';
import type { Settings } from '../settings/settings.js';

/**
 * The logger of a command: lines go to stderr, because stdout is for results. Errors appear as code and message,
 * with their stacks only at the levels debug and trace. No line shows a secret, and no logged text can look like
 * another line.
 */
export function makeLogger({
  logLevel,
  logFormat,
  redis,
  record,
}: Pick<Settings, 'logLevel' | 'logFormat' | 'redis' | 'record'>): pino.Logger {
  const format = logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json');
  const withStacks = logLevel === 'debug' || logLevel === 'trace';
  const options: pino.LoggerOptions = {
    level: logLevel,
    // Each line of a group already names the process, in `process`.
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: shownBy(withStacks ? pino.stdSerializers.err : brief) },
  };
  const secrets = [redis, record ?? ''].flatMap(secretsIn);
  const lineOf = format === 'json' ? jsonLine : prettyLine(withStacks);
  const write = (line: string) => {
    process.stderr.write(lineOf(cleaned(JSON.parse(line) as object, secrets, format === 'pretty')));
  };
  const log = pino(options, { write });
  boundOutput(process.stderr, 'log line', log);
  return log;
}

/** ms at the end of the process for what is not written yet. */
const FLUSH_TIMEOUT = 500;
/** ms between two lines about dropped ones. */
const DROPPED_EVERY = 1_000;

/**
 * An output without a reader, or a full disk, must not hold up the process: what cannot be written is dropped, and
 * the log says how much once writing works again.
 *
 * @param what is written, in the singular
 */
export function boundOutput(stream: NodeJS.WriteStream, what: string, log: Logger): void {
  const lines = new ThrottledLog<void>({
    interval: DROPPED_EVERY,
    write: (count) =>
      log.warn(
        { dropped: count },
        `${plural(count, `${what} was`, `${what}s were`)} dropped: the reader was too slow, or the disk was full`,
      ),
  });
  let dropped = 0;
  boundWrites(stream, {
    onDropped: () => {
      dropped++;
    },
    onWritten: () => {
      if (dropped === 0) return;
      lines.add(undefined, dropped);
      dropped = 0;
    },
  });
}

/** Waits for what is not written yet, but not for a reader that has stopped. */
export function flushOutput(): Promise<void> {
  return written([process.stdout, process.stderr], FLUSH_TIMEOUT);
}

function prettyLine(withStacks: boolean): (fields: unknown) => string {
  const colorize = process.stderr.isTTY === true && !process.env.NO_COLOR;
  // The text already says these, or they are the same in every line.
  const ignore = `group,output,process,bridge${withStacks ? '' : ',error,consumers,redis,gap,bridges'}`;
  return pretty.prettyFactory({ colorize, ignore, translateTime: 'HH:MM:ss', singleLine: true });
}

/** Of an error that throws when it is looked at, only the fact. */
function shownBy(serializer: (error: Error) => object): (error: Error) => object {
  return (error) => {
    try {
      return serializer(error);
    } catch {
      return { message: messageOf(error) };
    }
  };
}

function brief(error: unknown): object {
  return { code: error instanceof CgroupError ? error.code : undefined, message: messageOf(error) };
}
