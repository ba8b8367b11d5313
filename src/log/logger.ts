import { hostname } from 'node:os';

/** A line of the log: fields for machines, then text for people. */
export type LogLine = (fields: object, text: string) => void;

/** What we ask of a logger; every pino logger is one. The library writes no line unless it is given one. */
export interface Logger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  child(fields: Record<string, unknown>): Logger;
}

const nothing: LogLine = () => {};

/** Says nothing. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};

/** What names this process in logs: `host:pid`. */
export function processName(): string {
  return `${hostname()}:${process.pid}`;
}

/** A logger whose lines say which group, and which process, they are about. */
export function groupLogger(log: Logger, { group, output }: { group: string; output: string }): Logger {
  return log.child({ group, output, process: processName() });
}
