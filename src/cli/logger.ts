import { pino } from 'pino';
import pretty from 'pino-pretty';
import { CgroupError, messageOf } from '../errors.js';
import type { Settings } from '../settings.js';

/**
 * The logger of a command: lines go to stderr, because stdout is for results. Errors appear as code and
 * message; their stacks only at the levels debug and trace.
 */
export function makeLogger({ logLevel, logFormat }: Pick<Settings, 'logLevel' | 'logFormat'>): pino.Logger {
  const format = logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json');
  const deep = logLevel === 'debug' || logLevel === 'trace';
  const options: pino.LoggerOptions = {
    level: logLevel,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: deep ? pino.stdSerializers.err : brief },
  };
  if (format === 'json') return pino(options, pino.destination({ dest: 2, sync: true }));
  const colorize = process.stderr.isTTY === true && !process.env.NO_COLOR;
  // What the text says already, and what is the same in every line, only makes a line for people longer.
  const ignore = `pid,hostname,group,output${deep ? '' : ',error,consumers,redis,gap,bridges'}`;
  const lines = pretty({
    destination: 2,
    sync: true,
    colorize,
    ignore,
    translateTime: 'HH:MM:ss',
    singleLine: true,
  });
  return pino(options, lines);
}

function brief(error: unknown): object {
  return { code: error instanceof CgroupError ? error.code : undefined, message: messageOf(error) };
}
