import { existsSync } from 'node:fs';
import { access, constants, lstat, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The name of config files, and our key in package.json. */
export const CONFIG_NAME = 'consumer-group';

const FORMATS = ['json', 'yaml', 'yml', 'js', 'ts', 'cjs', 'mjs'];

/** Where a config file may stand in a folder, strongest first. Besides the first and the last two: the places of cosmiconfig. */
const PLACES = [
  `${CONFIG_NAME}.config.json`,
  'package.json',
  ...[`.${CONFIG_NAME}rc`, `.config/${CONFIG_NAME}rc`].flatMap((name) => [
    name,
    ...FORMATS.map((format) => `${name}.${format}`),
  ]),
  ...['js', 'ts', 'cjs', 'mjs', 'yaml', 'yml'].map((format) => `${CONFIG_NAME}.config.${format}`),
];

/** Something that stands where a config file may stand. */
export interface ConfigPlace {
  readonly path: string;
  /** Why it cannot be read, if it cannot: to pass over it would mean to run with defaults. */
  readonly unreadable: string | undefined;
}

/**
 * What stands where a config file may stand, strongest first: in `cwd`, and from there up to the folder of the nearest
 * package.json. If no folder above has one, only in `cwd`: a file of another user in a common parent such as /tmp is never run.
 */
export async function* configPlaces(cwd: string): AsyncGenerator<ConfigPlace> {
  const top = projectOf(cwd) ?? cwd;
  for (let folder = cwd; ; folder = dirname(folder)) {
    for (const place of PLACES) {
      const path = join(folder, place);
      const isThere = await lstat(path).catch(() => undefined);
      if (isThere) yield { path, unreadable: await whyNoFile(path) };
    }
    if (folder === top || folder === dirname(folder)) return;
  }
}

/** The nearest folder with a package.json, from `cwd` upwards; undefined if there is none. */
function projectOf(cwd: string): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || existsSync(join(folder, 'package.yaml'))) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/** Undefined for a file that can be read. Docker makes a folder where a file to be mounted is missing. */
async function whyNoFile(path: string): Promise<string | undefined> {
  const target = await stat(path).catch(() => undefined);
  if (!target) return 'is a link to nothing';
  if (target.isDirectory()) return 'is a folder, not a file';
  return access(path, constants.R_OK).then(
    () => undefined,
    () => 'cannot be read: permission denied',
  );
}
