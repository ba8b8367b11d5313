import { pino } from 'pino';
import { CgroupError, messageOf } from '../core/errors.js';
import { cleaned, jsonLine, secretsIn } from '../log/log-line.js';
import type { Settings } from '../settings/settings.js';
import { boundOutput } from './output.js';
import { prettyLine } from './pretty-line.js';

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
  const lineOf = format === 'json' ? jsonLine : prettyLines(withStacks);
  const write = (line: string) => {
    process.stderr.write(lineOf(cleaned(JSON.parse(line) as object, secrets, format === 'pretty')));
  };
  const log = pino(options, { write });
  boundOutput(process.stderr, 'log line', log);
  return log;
}

function prettyLines(withStacks: boolean): (fields: object) => string {
  // The text already says these, or they are the same in every line.
  const without = ['group', 'output', 'process', 'bridge'];
  if (!withStacks) without.push('error', 'consumers', 'redis', 'gap', 'bridges');
  const colours = process.stderr.isTTY === true && process.stderr.hasColors();
  return (fields) => prettyLine(fields, { colours, without });
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
