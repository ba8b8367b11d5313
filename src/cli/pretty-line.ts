import { inspect } from 'node:util';

/** A colour of Node's own, as the texts before and after what it colours. */
type Colour = keyof typeof inspect.colors;

const LEVELS: Readonly<Record<number, readonly [label: string, colour: Colour]>> = {
  10: ['TRACE', 'gray'],
  20: ['DEBUG', 'blue'],
  30: ['INFO', 'green'],
  40: ['WARN', 'yellow'],
  50: ['ERROR', 'red'],
  60: ['FATAL', 'bgRed'],
};

interface PrettyOptions {
  readonly colours: boolean;
  /** The fields that are not shown. */
  readonly without: readonly string[];
}

/**
 * A log line for people: `[08:51:39] INFO: ready {"consumers":5}`, with the time in UTC. A field with a stack follows in lines of
 * its own, indented.
 *
 * @param fields the line as pino writes it, with safe texts
 */
export function prettyLine(fields: object, { colours, without }: PrettyOptions): string {
  const paint = (text: string, colour: Colour) => (colours ? painted(text, colour) : text);
  const { time, level, msg, ...rest } = fields as Record<string, unknown>;
  const [label, colour] = LEVELS[Number(level)] ?? [`LEVEL ${level}`, 'gray'];
  const shown = Object.entries(rest).filter(([name]) => !without.includes(name));
  const stacks = shown.flatMap(([name, value]) => stackLines(name, value));
  const inLine = shown.filter(([, value]) => stackOf(value) === undefined);
  const parts = [
    `[${String(time).slice(11, 19)}] ${paint(label, colour)}:`,
    ...(msg === undefined ? [] : [paint(String(msg), 'cyan')]),
    ...(inLine.length === 0 ? [] : [paint(JSON.stringify(Object.fromEntries(inLine)), 'gray')]),
  ];
  return [parts.join(' '), ...stacks, ''].join('\n');
}

/** An error as its code, if it has one, and its stack, and below it what caused it. */
function stackLines(name: string, value: unknown): string[] {
  const stack = stackOf(value);
  if (stack === undefined) return [];
  const { type: _, message: __, stack: ___, ...rest } = value as Record<string, unknown>;
  const more = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`;
  return `${name}:${more}\n${stack}`.split('\n').map((line) => `    ${line}`);
}

function stackOf(value: unknown): string | undefined {
  const stack = typeof value === 'object' && value !== null && 'stack' in value ? value.stack : undefined;
  return typeof stack === 'string' ? stack : undefined;
}

function painted(text: string, colour: Colour): string {
  const [before, after] = inspect.colors[colour] ?? [0, 0];
  return `\x1b[${before}m${text}\x1b[${after}m`;
}
