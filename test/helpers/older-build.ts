import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The last commit whose processes read no packs. */
const BEFORE_PACKS = '560d5dc';

/** What a build needs. */
const FILES = [
  'bin',
  'config',
  'src',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Whether this clone has that commit: one without history does not. */
export const hasOlder = succeeds('git', 'cat-file', '-e', `${BEFORE_PACKS}^{commit}`);

/** The `cgroup` of that commit, built in a folder of its own with the packages that it needed. */
export interface OlderBuild {
  /** For the option of the same name of `cgroup()`. */
  readonly bin: string;
  remove(): void;
}

/** @throws if the commit cannot be built */
export function buildOlder(): OlderBuild {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-older-'));
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { cwd: folder, stdio: 'pipe' });
  const archive = join(folder, 'older.tar');
  execFileSync('git', ['archive', '-o', archive, BEFORE_PACKS, ...FILES], { cwd: ROOT });
  run('tar', 'xf', archive);
  run('npm', 'ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline');
  const types = ['--typeRoots', join(ROOT, 'node_modules', '@types')];
  run(
    'node',
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.build.json',
    '--noCheck',
    ...types,
  );
  for (const files of ['redis/lua', 'http/page'])
    cpSync(join(folder, 'src', files), join(folder, 'dist', files), { recursive: true });
  return { bin: join(folder, 'bin/cgroup.js'), remove: () => rmSync(folder, { recursive: true }) };
}

function succeeds(command: string, ...args: string[]): boolean {
  try {
    execFileSync(command, args, { cwd: ROOT, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
