import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { messageOf } from '../core/errors.js';
import { isOwnCode, nodeProgram } from '../core/own-files.js';

/** Modules that are looked through for a syntax error, at most. */
const MOST_MODULES = 50;
/** ms for each of them. */
const CHECK_TIMEOUT = 5_000;
const TYPESCRIPT = ['.ts', '.mts', '.cts', '.tsx'];

/**
 * Why a module cannot be imported, in one line, with file and line of the module that is wrong if they can be found: that may be
 * another one, which it imports.
 *
 * @param file the module that was imported
 * @param others what else could have been meant, for a file that is no JavaScript
 */
export async function importReason(file: string, error: unknown, others: string): Promise<string> {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  const [line = ''] = messageOf(error).split('\n');
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    const unknown = / for (.+)$/.exec(line)?.[1] ?? file;
    if (TYPESCRIPT.includes(extname(unknown))) return typescriptHint(file, unknown);
    return unknown === file ? `it is no JavaScript (${others})` : line;
  }
  const place = await placeOf(file, error, line).catch(() => undefined);
  return place === undefined ? line : `${line} (at ${place})`;
}

function typescriptHint(file: string, unknown: string): string {
  const which = unknown === file ? 'it' : unknown;
  return (
    `${which} is TypeScript, which this Node does not run: npm install tsx, then type ` +
    `NODE_OPTIONS='--import tsx' cgroup start -p ${file}; or use Node 22.18 or newer; or compile it`
  );
}

async function placeOf(file: string, error: unknown, line: string): Promise<string | undefined> {
  if (!(error instanceof Error)) return undefined;
  const missing = /^Cannot find (?:module|package) '(.+?)' imported from (.+)$/.exec(line);
  if (missing) return importerOf(pathOf(missing[2] ?? ''), missing[1] ?? '');
  return headOf(error.stack) ?? frameOf(error.stack) ?? (await syntaxErrorIn(file, error));
}

/** The place that Node writes above the text of an error: `/path/module.mjs:3`. */
function headOf(stack = ''): string | undefined {
  const [, path, line] = /^((?:file:\/\/|\/|[A-Za-z]:\\).+):(\d+)$/m.exec(stack.split('\n')[0] ?? '') ?? [];
  return path === undefined ? undefined : `${pathOf(path)}:${line}`;
}

/** The innermost call that is none of Node and none of ours. */
function frameOf(stack = ''): string | undefined {
  for (const [, place = '', line] of stack.matchAll(
    /^ {4}at (?!async )(?:.*\()?([^()\s].*?):(\d+):\d+\)?$/gm,
  )) {
    if (/^(node:|internal\/)/.test(place)) continue;
    const path = pathOf(place);
    return isOwnCode(path) ? undefined : `${path}:${line}`;
  }
  return undefined;
}

/** The line of an import in the module that has it. @param found the path or the package that is missing */
async function importerOf(importer: string, found: string): Promise<string> {
  const lines = (await readFile(importer, 'utf8')).split('\n');
  const names = (text: string) =>
    [...text.matchAll(/(['"])(.+?)\1/g)].some(
      ([, , name = '']) =>
        name === found || resolve(dirname(importer), name) === found || name.startsWith(`${found}/`),
    );
  const index = lines.findIndex(names);
  return index < 0 ? importer : `${importer}:${index + 1}`;
}

/** Node does not say which module has a syntax error: so it is asked, one module after the other. */
async function syntaxErrorIn(file: string, error: Error): Promise<string | undefined> {
  const node = nodeProgram();
  if (error.name !== 'SyntaxError' || node === undefined) return undefined;
  const modules = [file];
  for (const path of modules) {
    const place = await checked(node, path);
    if (place !== undefined) return place;
    const text = await readFile(path, 'utf8');
    for (const [, , name = ''] of text.matchAll(/(?:from|import)\s*\(?\s*(['"])(\.{1,2}\/.+?)\1/g)) {
      const imported = resolve(dirname(path), name);
      const isNew = !modules.includes(imported) && modules.length < MOST_MODULES;
      if (isNew && (await stat(imported).catch(() => undefined))?.isFile()) modules.push(imported);
    }
  }
  return undefined;
}

/** The place of the syntax error in a module; undefined if there is none. */
async function checked(node: string, path: string): Promise<string | undefined> {
  // The options of this process may have effects.
  const { NODE_OPTIONS: _ours, ...env } = process.env;
  try {
    await promisify(execFile)(node, ['--check', path], { timeout: CHECK_TIMEOUT, env });
    return undefined;
  } catch (error) {
    return headOf(String((error as { stderr?: unknown }).stderr ?? ''));
  }
}

function pathOf(place: string): string {
  return place.startsWith('file:') ? fileURLToPath(place) : place;
}
