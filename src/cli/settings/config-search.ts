import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cosmiconfig, defaultLoaders, getDefaultSearchPlaces, type Loader } from 'cosmiconfig';
import { messageOf } from '../../core/errors.js';
import { type ConfigFile, configFile, keyIn, labelOf, readJson, underKey, unusable } from './config-file.js';
import { FIRST_PLACE, isInProject, MODULE, unreadableConfig } from './config-places.js';
import type { Content } from './config-text.js';

// cosmiconfig is imported where there may be a file, the parser of YAML where it is in YAML: most commands run without one.

const SEARCH_PLACES = [
  FIRST_PLACE,
  ...getDefaultSearchPlaces(MODULE),
  `${MODULE}.config.yaml`,
  `${MODULE}.config.yml`,
];

/** How each kind of file is read, by its extension. Loaders do not throw: cosmiconfig takes some errors for a missing file. */
const LOADERS: Readonly<Record<string, Loader>> = {
  '.json': readJson,
  '.yaml': readYaml,
  '.yml': readYaml,
  noExt: readYaml,
  '.js': runCode(importDefault),
  '.mjs': runCode(importDefault),
  '.cjs': runCode(importDefault),
  '.ts': runCode(defaultLoaders['.ts']),
};

/**
 * Finds and reads the config file.
 *
 * Without `path` it is searched for at the places that cosmiconfig knows for `consumer-group`, with
 * `consumer-group.config.json` first: in `cwd`, and from there up to the folder of the nearest
 * package.json. If no folder above has one, only in `cwd`: a file of another user in a common parent such as
 * /tmp is never run.
 *
 * Throws nothing if a file is missing or broken: `broken` says so.
 *
 * @param path the file named with `--config`, as it was typed.
 * @returns undefined if no path was given and there is no file.
 */
export async function searchConfigFile(cwd: string, path?: string): Promise<ConfigFile | undefined> {
  if (path !== undefined && loaderOf(path) === undefined) return unusable(`--config: ${wrongKind(path)}`);
  const upwards = isInProject(cwd);
  try {
    const explorer = cosmiconfig(MODULE, {
      searchPlaces: SEARCH_PLACES,
      searchStrategy: upwards ? 'project' : 'none',
      loaders: LOADERS,
      // An empty JSON file is reported as a mistake; the search does not go on.
      ignoreEmptySearchPlaces: false,
      cache: false,
    });
    const found = await (path === undefined ? explorer.search(cwd) : explorer.load(resolve(cwd, path)));
    if (path === undefined) {
      const unreadable = await unreadableConfig(cwd, SEARCH_PLACES, upwards, found?.filepath);
      if (unreadable) return unusable(`${labelOf(cwd, unreadable.path)}: ${unreadable.why}`);
    }
    if (found?.isEmpty) return configFile(cwd, found.filepath, emptyContent(found.filepath));
    if (found) return configFile(cwd, found.filepath, found.config as Content);
    return path === undefined ? undefined : unusable(`--config: ${path} has no key "${MODULE}"`);
  } catch (error) {
    const broken = await brokenPackage(cwd, error);
    if (broken) return broken;
    if (path !== undefined) return unusable(`--config: ${whyUnreadable(path, error)}`);
    return unusable(`the search for a config file fails: ${firstLine(error)}`);
  }
}

/**
 * Before cosmiconfig reads our key in package.json, it reads a key of its own there, with a loader of its own.
 * The error of that loader has no place and quotes the file. Undefined if something else went wrong.
 */
async function brokenPackage(cwd: string, error: unknown): Promise<ConfigFile | undefined> {
  const { filepath } = error as { filepath?: string };
  if (filepath === undefined || extname(filepath) !== '.json') return undefined;
  const { parseText } = await import('./config-text.js');
  const content = parseText(await readFile(filepath, 'utf8'), 'json');
  return content.ok ? undefined : configFile(cwd, filepath, content);
}

function wrongKind(path: string): string {
  const extensions = Object.keys(LOADERS).filter((one) => one !== 'noExt');
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

/** A YAML text without a value, such as comments alone, is a file without settings. */
async function readYaml(path: string, text: string): Promise<unknown> {
  const { parseText } = await import('./config-text.js');
  const content = parseText(text, 'yaml', keyIn(path));
  return underKey(path, content.ok && content.value === null ? { ok: true, value: {} } : content);
}

/** The content of a file of zero bytes: cosmiconfig calls no loader for it. */
function emptyContent(path: string): Content {
  if (loaderOf(path) === readYaml) return { ok: true, value: {} };
  return { ok: false, reason: 'the file is empty', at: { line: 1, col: 1 } };
}

function loaderOf(path: string): Loader | undefined {
  return LOADERS[extname(path) || 'noExt'];
}

/**
 * Runs a module and returns its default export. If that fails, the loader of cosmiconfig would `require` the module:
 * run it a second time, and report another error.
 */
async function importDefault(path: string): Promise<unknown> {
  const module: { default?: unknown } = await import(pathToFileURL(path).href);
  return module.default;
}

function runCode(load: Loader): Loader {
  return async (path, text): Promise<Content> => {
    try {
      return { ok: true, value: await load(path, text) };
    } catch (error) {
      return { ok: false, reason: whyNotRun(path, firstLine(error)) };
    }
  };
}

function whyNotRun(path: string, reason: string): string {
  if (extname(path) === '.ts' && reason.includes("'typescript'"))
    return 'a config file in TypeScript needs the package typescript to be installed';
  // After a syntax error the loader for TypeScript tries `require`, and only this error is left.
  if (reason.includes('Cannot require() ES Module')) return 'cannot be loaded: it has a syntax error';
  return `cannot be loaded: ${reason}`;
}
