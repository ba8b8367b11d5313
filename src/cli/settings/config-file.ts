import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, relative, resolve } from 'node:path';
import { CgroupError, messageOf } from '../../core/errors.js';
import { maskUrls } from '../../log/redaction.js';
import { CONFIG_NAME, configPlaces } from './config-places.js';
import type { Content, TextPosition } from './config-text.js';

// The parsers are imported when a file holds settings: most commands run without one.

/** Reads what a file holds. Undefined if it holds nothing of ours, as most files package.json. */
type Loader = (path: string) => Promise<Content | undefined>;

/** How each kind of file is read, by its extension. */
const LOADERS: Readonly<Record<string, Loader>> = {
  '.json': readJson,
  '.yaml': readYaml,
  '.yml': readYaml,
  '': readYaml,
  '.js': readCode,
  '.mjs': readCode,
  '.cjs': readCode,
  '.ts': readCode,
};

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
}

/**
 * Finds and reads the config file: the first of {@link configPlaces} that holds settings. Throws nothing if a file is missing
 * or broken: `broken` says so.
 *
 * @param path the file named with `--config`, as it was typed.
 * @returns undefined if no path was given and there is no file.
 */
export async function readConfigFile(cwd: string, path?: string): Promise<ConfigFile | undefined> {
  if (path !== undefined) return namedFile(cwd, path);
  for await (const { path: found, unreadable } of configPlaces(cwd)) {
    if (unreadable !== undefined) return unusable(`${labelOf(cwd, found)}: ${unreadable}`);
    const content = await loaderOf(found)?.(found);
    if (content) return configFile(cwd, found, content);
  }
  return undefined;
}

async function namedFile(cwd: string, path: string): Promise<ConfigFile> {
  const load = loaderOf(path);
  if (!load) return unusable(`--config: ${wrongKind(path)}`);
  const file = resolve(cwd, path);
  try {
    // Code that is not there must not look like code that asks for another file.
    await readFile(file);
  } catch (error) {
    return unusable(`--config: ${whyUnreadable(path, error)}`);
  }
  const content = await load(file);
  return content ? configFile(cwd, file, content) : unusable(`--config: ${path} has no key "${CONFIG_NAME}"`);
}

function configFile(cwd: string, path: string, content: Content): ConfigFile {
  const label = labelOf(cwd, path);
  const place = (at: TextPosition | undefined) => (at ? `${label}:${at.line}:${at.col}` : label);
  if (!content.ok) return unusable(`${place(content.at)}: ${content.reason}`);
  const { value, positions } = content;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unusable(`${label}: must hold an object of settings`);
  const settings = Object.entries(value)
    // `$schema` is for editors; a name that code leaves undefined is not set.
    .filter(([name, one]) => name !== '$schema' && one !== undefined)
    .map(([name, one]: [string, unknown]) => {
      const at = positions?.get(name);
      return { name, value: one, namePlace: place(at?.key), valuePlace: place(at?.value) };
    });
  return { label, folder: dirname(path), settings, broken: undefined };
}

/** A module that throws may quote the URL that it has read. */
function unusable(why: string): ConfigFile {
  return { label: '', folder: '', settings: [], broken: maskUrls(why) };
}

function wrongKind(path: string): string {
  const extensions = Object.keys(LOADERS).filter(Boolean);
  return `${path} must end in one of ${extensions.join(', ')}`;
}

function whyUnreadable(path: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return `there is no file ${path}`;
  if (code === 'EISDIR') return `${path} is a folder, not a file`;
  if (code === 'EACCES') return `${path} cannot be read: permission denied`;
  return `${path} cannot be read: ${firstLine(error)}`;
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? '';
}

function labelOf(cwd: string, path: string): string {
  const below = relative(cwd, path);
  return below.startsWith('..') || isAbsolute(below) ? path : below;
}

async function readJson(path: string): Promise<Content | undefined> {
  const text = await readFile(path, 'utf8');
  if (text === '') return { ok: false, reason: 'the file is empty', at: { line: 1, col: 1 } };
  const key = keyIn(path);
  if (key !== undefined && lacksKey(text, key)) return undefined;
  const { parseText } = await import('./config-text.js');
  return ours(path, parseText(text, 'json', key));
}

/** Whether a text is the JSON of an object without this key. */
function lacksKey(text: string, key: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Object.hasOwn(value, key);
  } catch {
    return false;
  }
}

/** A YAML text without a value, such as comments alone, is a file without settings. */
async function readYaml(path: string): Promise<Content | undefined> {
  const { parseText } = await import('./config-text.js');
  const content = parseText(await readFile(path, 'utf8'), 'yaml', keyIn(path));
  return ours(path, content.ok && content.value === null ? { ok: true, value: {} } : content);
}

async function readCode(path: string): Promise<Content> {
  try {
    const { runConfig } = await import('./config-code.js');
    return { ok: true, value: await runConfig(path) };
  } catch (error) {
    const reason = firstLine(error);
    return { ok: false, reason: error instanceof CgroupError ? reason : `cannot be loaded: ${reason}` };
  }
}

function loaderOf(path: string): Loader | undefined {
  return LOADERS[extname(path)];
}

function keyIn(path: string): string | undefined {
  return basename(path, extname(path)) === 'package' ? CONFIG_NAME : undefined;
}

/** A package.json without our key holds nothing of ours: the search goes on. */
function ours(path: string, content: Content): Content | undefined {
  const isNone = keyIn(path) !== undefined && content.ok && content.value === undefined;
  return isNone ? undefined : content;
}
