import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, relative } from 'node:path';
import { maskUrls } from '../../log/redaction.js';
import { MODULE } from './config-places.js';
import type { Content, TextPosition } from './config-text.js';

/** A name in the config file with its value; the name may be unknown. */
export interface ConfigSetting {
  readonly name: string;
  readonly value: unknown;
  /** The place of its name: `consumer-group.config.json:5:3`; without numbers if the file is code. */
  readonly namePlace: string;
  readonly valuePlace: string;
}

/** A config file that was read. */
export interface ConfigFile {
  /** Its path as it is shown: relative to the working directory if it is below. */
  readonly label: string;
  /** Its folder: relative paths in the file start here. */
  readonly folder: string;
  readonly settings: readonly ConfigSetting[];
  /** The place and the reason, in one line, if the file cannot be used as a whole. */
  readonly broken: string | undefined;
  /** Reads the same once more, with the lines and columns that the places lack; undefined if they lack none. */
  readonly withPlaces?: (() => Promise<ConfigFile>) | undefined;
}

/** The settings of a file. @param content what its parser found */
export function configFile(cwd: string, path: string, content: Content): ConfigFile {
  const label = labelOf(cwd, path);
  const place = (at: TextPosition | undefined) => (at ? `${label}:${at.line}:${at.col}` : label);
  if (!content.ok) return unusable(`${place(content.at)}: ${content.reason}`);
  const { value, positions, withPositions } = content;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unusable(`${label}: must hold an object of settings`);
  const settings = Object.entries(value)
    // `$schema` is for editors; a name that code leaves undefined is not set.
    .filter(([name, one]) => name !== '$schema' && one !== undefined)
    .map(([name, one]: [string, unknown]) => {
      const at = positions?.get(name);
      return { name, value: one, namePlace: place(at?.key), valuePlace: place(at?.value) };
    });
  const withPlaces = withPositions && (async () => configFile(cwd, path, await withPositions()));
  return { label, folder: dirname(path), settings, broken: undefined, withPlaces };
}

/** A file that cannot be used. A module that throws may quote the URL that it has read. */
export function unusable(why: string): ConfigFile {
  return { label: '', folder: '', settings: [], broken: maskUrls(why) };
}

/** The path of a config file as it is shown. */
export function labelOf(cwd: string, path: string): string {
  const below = relative(cwd, path);
  return below.startsWith('..') || isAbsolute(below) ? path : below;
}

/** Reads a file in JSON that need not be searched for; undefined if that is not so simple: no file, no text in it. */
export async function readKnownFile(cwd: string, path: string): Promise<ConfigFile | undefined> {
  if (extname(path) !== '.json' || keyIn(path) !== undefined) return undefined;
  const text = await readFile(path, 'utf8').catch(() => '');
  return text === '' ? undefined : configFile(cwd, path, (await readJson(path, text)) as Content);
}

/** Reads a text in JSON. Only one that says something twice, or is wrong, needs the parser that knows places. */
export async function readJson(path: string, text: string): Promise<unknown> {
  const key = keyIn(path);
  if (key !== undefined && lacksKey(text, key)) return {};
  const withPositions = async () => (await import('./config-text.js')).parseText(text, 'json', key);
  const value = plainValue(text);
  if (value === undefined || key !== undefined) return underKey(path, await withPositions());
  return { ok: true, value, withPositions } satisfies Content;
}

const OUTSIDE_STRINGS = /("(?:[^"\\]|\\.)*")|\s+/g;

/** The value of a JSON text that is as JSON.stringify writes it, blanks aside: then no name stands in it twice. */
function plainValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text.replace(OUTSIDE_STRINGS, '$1') ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a text is the JSON of an object without this key, as most files package.json. */
function lacksKey(text: string, key: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Object.hasOwn(value, key);
  } catch {
    return false;
  }
}

/** The key that holds the settings in this file, if not the whole file does. */
export function keyIn(path: string): string | undefined {
  return basename(path, extname(path)) === 'package' ? MODULE : undefined;
}

/** In package.json cosmiconfig itself takes the key, and searches on if there is none. */
export function underKey(path: string, content: Content): unknown {
  if (keyIn(path) === undefined) return content;
  return content.ok && content.value === undefined ? {} : { [MODULE]: content };
}
