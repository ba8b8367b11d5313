import { constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { access, lstat, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The name that cosmiconfig searches for, and our key in package.json. */
export const MODULE = 'consumer-group';

/** The name that is strongest in a folder. */
export const FIRST_PLACE = `${MODULE}.config.json`;

/**
 * Whether the search for a config file can find anything. Reads only the names in the folders, and package.json: to load what
 * searches takes longer.
 */
export function mayHoldConfig(cwd: string): boolean {
  const upwards = isInProject(cwd);
  try {
    for (let folder = cwd; ; folder = dirname(folder)) {
      const names = readdirSync(folder);
      if (names.some((name) => name.includes(MODULE) || name === '.config' || name === 'package.yaml'))
        return true;
      if (names.includes('package.json')) {
        const text = readFileSync(join(folder, 'package.json'), 'utf8');
        return text.includes(MODULE) || text.includes('cosmiconfig') || !isObject(JSON.parse(text));
      }
      if (!upwards || folder === dirname(folder)) return false;
    }
  } catch {
    return true; // the search says what is wrong
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** Whether `cwd` or a folder above has a package.json. */
export function isInProject(cwd: string): boolean {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return true;
    if (folder === dirname(folder)) return false;
  }
}

/** Something that stands where a config file may stand, and cannot be read as one. */
export interface Unreadable {
  readonly path: string;
  readonly why: string;
}

/**
 * Looks where cosmiconfig looks. It passes over what it cannot read: a folder (Docker makes one where a file to be
 * mounted is missing), a link to nothing, a file without the right to read. The program would then run with defaults.
 *
 * @param from the folder where the search began
 * @param places the names that were searched for in each folder, strongest first
 * @param upwards whether the search went on in the folders above, up to the one with a package.json
 * @param found the file that was found: weaker places do not matter
 */
export async function unreadableConfig(
  from: string,
  places: readonly string[],
  upwards: boolean,
  found: string | undefined,
): Promise<Unreadable | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    for (const place of places) {
      const path = join(folder, place);
      if (path === found) return undefined;
      const why = await whyNoFile(path);
      if (why !== undefined) return { path, why };
    }
    const isRoot = folder === dirname(folder);
    if (!upwards || isRoot || (await exists(join(folder, 'package.json')))) return undefined;
    if (await exists(join(folder, 'package.yaml'))) return undefined;
  }
}

/** Undefined for a file that can be read, and for nothing at all. */
async function whyNoFile(path: string): Promise<string | undefined> {
  const isThere = await lstat(path).catch(() => undefined);
  if (!isThere) return undefined;
  const target = await stat(path).catch(() => undefined);
  if (!target) return 'is a link to nothing';
  if (target.isDirectory()) return 'is a folder, not a file';
  return access(path, constants.R_OK).then(
    () => undefined,
    () => 'cannot be read: permission denied',
  );
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
