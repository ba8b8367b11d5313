import { parse as parseLossless } from 'lossless-json';
import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { messageOf } from '../../core/errors.js';

/** A place in a text; both numbers start at 1. */
export interface TextPosition {
  readonly line: number;
  readonly col: number;
}

/** The places of a setting's name and of its value. */
export interface SettingPosition {
  readonly key: TextPosition;
  readonly value: TextPosition;
}

/**
 * What a config file holds, or in one line why it cannot be used. Code has no positions; those of a text that was only read fast
 * come from `withPositions`.
 */
export type Content =
  | {
      readonly ok: true;
      readonly value: unknown;
      readonly positions?: ReadonlyMap<string, SettingPosition>;
      readonly withPositions?: () => Promise<Content>;
    }
  | { readonly ok: false; readonly reason: string; readonly at?: TextPosition };

const START: TextPosition = { line: 1, col: 1 };

/**
 * Parses JSON or YAML and records the place of each setting. The reason of a failure never quotes the text: it
 * may contain a password.
 *
 * @param under the key whose value holds the settings, as in package.json; without it the whole text does.
 *   If the text has no such key, the value is undefined.
 */
export function parseText(text: string, kind: 'json' | 'yaml', under?: string): Content {
  if (text.startsWith('\uFEFF')) return parseText(text.slice(1), kind, under);
  const json = kind === 'json' ? parseJson(text) : undefined;
  if (json?.ok === false) return json;

  // JSON is YAML: one parser finds the places in both.
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const position = (offset: number): TextPosition => {
    const { line, col } = lines.linePos(offset);
    return { line, col };
  };
  const root = under === undefined ? document.contents : valueUnder(document.contents, under);
  const failure = document.errors.find((error) => {
    if (!json) return true;
    // JSON.parse accepted the text; it also accepts a name that stands twice, and we do not.
    return error.code === 'DUPLICATE_KEY' && within(root, error.pos[0]);
  });
  if (failure) {
    const twice = failure.code === 'DUPLICATE_KEY';
    const reason = twice ? 'this name stands here a second time' : oneLine(failure.message);
    return { ok: false, at: position(failure.pos[0]), reason };
  }

  const positions = new Map<string, SettingPosition>();
  for (const { key, value } of isMap(root) ? root.items : []) {
    const keyAt = position(startOf(key) ?? 0);
    const valueAt = startOf(value);
    positions.set(nameOf(key), { key: keyAt, value: valueAt === undefined ? keyAt : position(valueAt) });
  }
  try {
    const whole: unknown = json ? json.value : document.toJS();
    return { ok: true, value: under === undefined ? whole : property(whole, under), positions };
  } catch (error) {
    return { ok: false, at: START, reason: oneLine(messageOf(error)) };
  }
}

function parseJson(text: string): Content {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, ...whereJsonBreaks(text) };
  }
}

/** Node quotes the text and does not always name the place. This parser names the place and quotes one letter. */
function whereJsonBreaks(text: string): { at: TextPosition; reason: string } {
  try {
    parseLossless(text);
  } catch (error) {
    const [, reason, offset] = /^(.*) at position (\d+)$/s.exec(messageOf(error)) ?? [];
    if (reason !== undefined) return { at: positionIn(text, Number(offset)), reason: oneLine(reason) };
  }
  return { at: START, reason: 'is not valid JSON' };
}

function positionIn(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, col: (before.at(-1) ?? '').length + 1 };
}

function valueUnder(node: unknown, key: string): unknown {
  return isMap(node) ? node.items.find((pair) => nameOf(pair.key) === key)?.value : undefined;
}

function property(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

function nameOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

function within(node: unknown, offset: number): boolean {
  if (!isNode(node) || !node.range) return false;
  return offset >= node.range[0] && offset < node.range[2];
}

function oneLine(reason: string): string {
  return reason
    .replace(/ in YAML stream: .*/s, '')
    .replace(/\s+/g, ' ')
    .trim();
}
