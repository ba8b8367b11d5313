import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { cosmiconfig, getDefaultSearchPlaces } from 'cosmiconfig';
import { messageOf } from '../../core/errors.js';
import { Content, emptyContent, loaderOf, loaders, MODULE } from './config-loaders.js';
import { type Position, parseText } from './config-text.js';

const SEARCH_PLACES = [
  `${MODULE}.config.json`,
  ...getDefaultSearchPlaces(MODULE),
  `${MODULE}.config.yaml`,
  `${MODULE}.config.yml`,
];

/** A line of the config file, whether there is such a setting or not. */
export interface ConfigEntry {
  readonly name: string;
  readonly value: unknown;
  /** Where its name stands: `consumer-group.config.json:5:3`; without numbers where the file is code. */
  readonly namePlace: string;
  readonly valuePlace: string;
}

/** What was found in the config file. */
export interface ConfigFile {
  /** Its path as people are told it: relative to the working directory if it is below. */
  readonly label: string;
  /** Its folder, from which relative paths in it are seen. */
  readonly folder: string;
  readonly entries: readonly ConfigEntry[];
  /** Why the file cannot be used as a whole, after its place; in one line. */
  readonly broken: string | undefined;
}

/**
 * Finds and reads the config file.
 *
 * Without `path` it is looked for where cosmiconfig looks for `consumer-group`, with
 * `consumer-group.config.json` first: in `cwd`, and from there up to the folder of the nearest
 * package.json. If no folder above has one, only in `cwd`, so that a file that somebody left in a
 * common parent such as /tmp is never run.
 *
 * Nothing is thrown for a file that is missing or broken: `broken` says so.
 *
 * @param path the file that was named with `--config`, as it was typed.
 * @returns undefined if no path was given and there is no file.
 */
export async function readConfigFile(cwd: string, path?: string): Promise<ConfigFile | undefined> {
  if (path !== undefined && loaderOf(path) === undefined) return unusable(`--config: ${wrongKind(path)}`);
  try {
    const explorer = cosmiconfig(MODULE, {
      searchPlaces: SEARCH_PLACES,
      searchStrategy: isInProject(cwd) ? 'project' : 'none',
      loaders,
      // An empty JSON file is a mistake to be told, not a reason to look further.
      ignoreEmptySearchPlaces: false,
      cache: false,
    });
    const found = await (path === undefined ? explorer.search(cwd) : explorer.load(resolve(cwd, path)));
    if (found?.isEmpty) return configFile(cwd, found.filepath, emptyContent(found.filepath));
    if (found) return configFile(cwd, found.filepath, found.config as Content);
    return path === undefined ? undefined : unusable(`--config: ${path} has no key "${MODULE}"`);
  } catch (error) {
    const broken = await brokenPackage(cwd, error);
    if (broken) return broken;
    if (path !== undefined) return unusable(`--config: ${whyNot(path, error)}`);
    return unusable(`the config file cannot be searched for: ${firstLine(error)}`);
  }
}

/** Whether `cwd` or a folder above has a package.json. */
function isInProject(cwd: string): boolean {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return true;
    if (folder === dirname(folder)) return false;
  }
}

function configFile(cwd: string, path: string, { value, positions, broken }: Content): ConfigFile {
  const label = labelOf(cwd, path);
  const place = (at: Position | undefined) => (at ? `${label}:${at.line}:${at.col}` : label);
  if (broken) return unusable(`${place(broken.at)}: ${broken.reason}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unusable(`${label}: must hold an object of settings`);
  const entries = Object.entries(value)
    // `$schema` is for editors; what code leaves undefined is not set.
    .filter(([name, one]) => name !== '$schema' && one !== undefined)
    .map(([name, one]: [string, unknown]) => {
      const at = positions.get(name);
      return { name, value: one, namePlace: place(at?.key), valuePlace: place(at?.value) };
    });
  return { label, folder: dirname(path), entries, broken: undefined };
}

function unusable(broken: string): ConfigFile {
  return { label: '', folder: '', entries: [], broken };
}

/**
 * Before it looks for our key in package.json, cosmiconfig looks there for one of its own, with a loader
 * of its own, whose error has no place and quotes the file. Undefined if that is not what went wrong.
 */
async function brokenPackage(cwd: string, error: unknown): Promise<ConfigFile | undefined> {
  const { filepath } = error as { filepath?: string };
  if (filepath === undefined || extname(filepath) !== '.json') return undefined;
  const content = Content.of(parseText(await readFile(filepath, 'utf8'), 'json'));
  return content.broken && configFile(cwd, filepath, content);
}

function wrongKind(path: string): string {
  const extensions = Object.keys(loaders).filter((one) => one !== 'noExt');
  return `${path} must end in one of ${extensions.join(', ')}`;
}

/** Why the file that was named could not be loaded. */
function whyNot(path: string, error: unknown): string {
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
