import { hostname } from 'node:os';

/** A line of the log: fields for machines, then text for people. */
export type LogLine = (fields: object, text: string) => void;

/** The levels of the lines that the library writes. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/** What the library needs of a logger; every pino logger is one. Without one it writes no line. */
export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  child(fields: Record<string, unknown>): Logger;
  /** Whether lines of a level are written. If it is missing, all are. */
  isLevelEnabled?(level: Level): boolean;
}

const nothing: LogLine = () => {};

/** Writes nothing. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
  isLevelEnabled: () => false,
};

/** The name of this process in logs: `host:pid`. */
export function processName(): string {
  return `${hostname()}:${process.pid}`;
}

/** A logger whose lines name the group and the process. */
export function groupLogger(log: Logger, { group, output }: { group: string; output: string }): Logger {
  return log.child({ group, output, process: processName() });
}
