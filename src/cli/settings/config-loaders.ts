import { basename, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { defaultLoaders, type Loader } from 'cosmiconfig';
import { messageOf } from '../../core/errors.js';
import { type EntryPosition, type ParsedText, type Position, parseText } from './config-text.js';

/** The name under which cosmiconfig looks for us, and our key in package.json. */
export const MODULE = 'consumer-group';

/**
 * What our loaders hand through cosmiconfig: the value, and where in the text it stood.
 * A file that is broken comes as content too. Thrown, some errors would make cosmiconfig look further
 * as if there were no such file.
 */
export class Content {
  constructor(
    readonly value: unknown,
    readonly positions: ReadonlyMap<string, EntryPosition> = new Map(),
    readonly broken?: { readonly at?: Position; readonly reason: string },
  ) {}

  /** A file that cannot be used, and why, in one line. */
  static unusable(reason: string, at?: Position): Content {
    return new Content(undefined, undefined, at ? { at, reason } : { reason });
  }

  static of(parsed: ParsedText): Content {
    if (!parsed.ok) return Content.unusable(parsed.reason, parsed.at);
    return new Content(parsed.value, parsed.positions);
  }
}

const readJson: Loader = (path, text) => underKey(path, Content.of(parseText(text, 'json', keyIn(path))));

/** A YAML text without a value, comments alone for instance, is a file without settings. */
const readYaml: Loader = (path, text) => {
  const parsed = parseText(text, 'yaml', keyIn(path));
  const empty = parsed.ok && parsed.value === null;
  return underKey(path, empty ? new Content({}) : Content.of(parsed));
};

/** How each kind of file is read, by its extension. */
export const loaders: Readonly<Record<string, Loader>> = {
  '.json': readJson,
  '.yaml': readYaml,
  '.yml': readYaml,
  noExt: readYaml,
  '.js': runCode(importDefault),
  '.mjs': runCode(importDefault),
  '.cjs': runCode(importDefault),
  '.ts': runCode(defaultLoaders['.ts']),
};

/** The content of a file without a single letter, for which cosmiconfig calls no loader. */
export function emptyContent(path: string): Content {
  const yaml = loaderOf(path) === readYaml;
  return yaml ? new Content({}) : Content.unusable('the file is empty', { line: 1, col: 1 });
}

/** Undefined if there is none for such a file. */
export function loaderOf(path: string): Loader | undefined {
  return loaders[extname(path) || 'noExt'];
}

function keyIn(path: string): string | undefined {
  return basename(path, extname(path)) === 'package' ? MODULE : undefined;
}

/** Of a package.json, cosmiconfig takes the key itself, and goes on searching if there is none. */
function underKey(path: string, content: Content): unknown {
  if (keyIn(path) === undefined) return content;
  return content.value === undefined && !content.broken ? {} : { [MODULE]: content };
}

/**
 * Runs a module and gives its default export. The loader of cosmiconfig would, if that fails, go on to
 * `require` it: run it a second time, and tell of an error that is not the first one.
 */
async function importDefault(path: string): Promise<unknown> {
  const module: { default?: unknown } = await import(pathToFileURL(path).href);
  return module.default;
}

function runCode(load: Loader): Loader {
  return async (path, text) => {
    try {
      return new Content(await load(path, text));
    } catch (error) {
      return Content.unusable(whyNotRun(path, messageOf(error).split('\n')[0] ?? ''));
    }
  };
}

function whyNotRun(path: string, reason: string): string {
  if (extname(path) === '.ts' && reason.includes("'typescript'"))
    return 'a config file in TypeScript needs the package typescript to be installed';
  // After a syntax error the loader for TypeScript tries `require`, and this is all that comes out of it.
  if (reason.includes('Cannot require() ES Module')) return 'cannot be loaded: there is a syntax error in it';
  return `cannot be loaded: ${reason}`;
}
