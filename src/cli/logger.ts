import { pino } from 'pino';
import { CgroupError, messageOf } from '../core/errors.js';
import { cleaned, jsonLine, secretsIn } from '../log/log-line.js';
import type { Settings } from '../settings/settings.js';
import { boundOutput } from './output.js';

/**
 * The logger of a command: lines go to stderr, because stdout is for results. Errors appear as code and message,
 * with their stacks only at the levels debug and trace. No line shows a secret, and no logged text can look like
 * another line.
 */
export async function makeLogger({
  logLevel,
  logFormat,
  redis,
  record,
}: Pick<Settings, 'logLevel' | 'logFormat' | 'redis' | 'record'>): Promise<pino.Logger> {
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
  const lineOf = format === 'json' ? jsonLine : await prettyLine(withStacks);
  const write = (line: string) => {
    process.stderr.write(lineOf(cleaned(JSON.parse(line) as object, secrets, format === 'pretty')));
  };
  const log = pino(options, { write });
  boundOutput(process.stderr, 'log line', log);
  return log;
}

/** Lines for people. pino-pretty takes longer to load than pino: only these lines need it. */
async function prettyLine(withStacks: boolean): Promise<(fields: object) => string> {
  const { prettyFactory } = (await import('pino-pretty')).default;
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
