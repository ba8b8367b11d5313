import { pino } from 'pino';
import pretty from 'pino-pretty';
import { CgroupError, messageOf } from '../core/errors.js';
import { cleaned, jsonLine, secretsIn } from '../log/log-line.js';
import type { Settings } from '../settings/settings.js';

/**
 * The logger of a command: lines go to stderr, because stdout is for results. Errors appear as code and
 * message; their stacks only at the levels debug and trace. Whatever gets into it, no line shows a secret,
 * or can be taken for another.
 */
export function makeLogger({
  logLevel,
  logFormat,
  redis,
}: Pick<Settings, 'logLevel' | 'logFormat' | 'redis'>): pino.Logger {
  const format = logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json');
  const deep = logLevel === 'debug' || logLevel === 'trace';
  const options: pino.LoggerOptions = {
    level: logLevel,
    // The process is named by `process`, in every line of a group.
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: deep ? pino.stdSerializers.err : brief },
  };
  const out = pino.destination({ dest: 2, sync: true });
  const secrets = secretsIn(redis);
  const show = format === 'json' ? jsonLine : prettyLines(deep);
  const write = (line: string) => {
    out.write(show(cleaned(JSON.parse(line), secrets, format === 'pretty')));
  };
  return pino(options, { write });
}

function prettyLines(deep: boolean): (fields: unknown) => string {
  const colorize = process.stderr.isTTY === true && !process.env.NO_COLOR;
  // What the text says already, and what is the same in every line, only makes a line for people longer.
  const ignore = `group,output,process,bridge${deep ? '' : ',error,consumers,redis,gap,bridges'}`;
  return pretty.prettyFactory({ colorize, ignore, translateTime: 'HH:MM:ss', singleLine: true });
}

function brief(error: unknown): object {
  return { code: error instanceof CgroupError ? error.code : undefined, message: messageOf(error) };
}
