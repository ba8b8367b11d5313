import type { LoggerOptions } from 'pino';
import { CgroupError, messageOf } from '../core/errors.js';
import { packageOf } from '../core/own-files.js';
import { cleaned, jsonLine, secretsIn } from '../log/log-line.js';
import { LEVELS, type Level, type Logger, type LogLine } from '../log/logger.js';
import type { Settings } from '../settings/settings.js';
import { boundOutput } from './output.js';

/** From the least severe level on. */
const SEVERITIES: readonly LogSettings['logLevel'][] = ['trace', ...LEVELS, 'fatal', 'silent'];

type LogSettings = Pick<Settings, 'logLevel' | 'logFormat' | 'redis' | 'record'>;

/**
 * The logger of a command: lines go to stderr, because stdout is for results. Errors appear as code and message,
 * with their stacks only at the levels debug and trace. No line shows a secret, and no logged text can look like
 * another line. The first line loads pino: most commands write none.
 */
export function makeLogger(settings: LogSettings): Logger {
  const log = loggerOf(settings.logLevel, () => makePino(settings));
  boundOutput(process.stderr, 'log line', log);
  return log;
}

/** A logger that is made when a line is written. @param least the level of the least severe lines */
function loggerOf(least: LogSettings['logLevel'], make: () => Logger): Logger {
  let made: Logger | undefined;
  const maker = () => {
    made ??= make();
    return made;
  };
  const isLevelEnabled = (level: Level) => SEVERITIES.indexOf(level) >= SEVERITIES.indexOf(least);
  const lineOf = (level: Level): LogLine =>
    isLevelEnabled(level) ? (fields, text) => maker()[level](fields, text) : () => {};
  return {
    debug: lineOf('debug'),
    info: lineOf('info'),
    warn: lineOf('warn'),
    error: lineOf('error'),
    child: (fields) => loggerOf(least, () => maker().child(fields)),
    isLevelEnabled,
  };
}

function makePino({ logLevel, logFormat, redis, record }: LogSettings): Logger {
  const { pino } = packageOf('pino') as typeof import('pino');
  const format = logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json');
  const withStacks = logLevel === 'debug' || logLevel === 'trace';
  const options: LoggerOptions = {
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
  return pino(options, { write });
}

/** Lines for people. pino-pretty takes longer to load than pino: only these lines need it. */
function prettyLine(withStacks: boolean): (fields: object) => string {
  const { prettyFactory } = packageOf('pino-pretty') as typeof import('pino-pretty');
  const colorize = process.stderr.isTTY === true && process.stderr.hasColors();
  // The text already says these, or they are the same in every line.
  const ignore = `group,output,process,bridge${withStacks ? '' : ',error,consumers,redis,gap,bridges'}`;
  return prettyFactory({ colorize, ignore, translateTime: 'HH:MM:ss', singleLine: true });
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
