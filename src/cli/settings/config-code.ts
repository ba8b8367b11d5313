import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CgroupError, messageOf } from '../../core/errors.js';

/**
 * Runs a config file that is code, and returns its default export. TypeScript needs the package typescript.
 *
 * @throws whatever the code throws
 */
export async function runConfig(path: string): Promise<unknown> {
  return extname(path) === '.ts' ? runTypeScript(path) : defaultExportOf(path);
}

async function defaultExportOf(path: string): Promise<unknown> {
  const module: { default?: unknown } = await import(pathToFileURL(path).href);
  return module.default;
}

/** Runs a translation that stands beside the file for a moment: so its imports lead where they would from the file. */
async function runTypeScript(path: string): Promise<unknown> {
  const { default: typescript } = await typescriptFor(path);
  const { outputText } = typescript.transpileModule(await readFile(path, 'utf8'), {
    fileName: path,
    compilerOptions: { module: typescript.ModuleKind.ES2022, target: typescript.ScriptTarget.ES2022 },
  });
  const translated = `${path}.${randomUUID()}.mjs`;
  await writeFile(translated, outputText);
  try {
    return await defaultExportOf(translated);
  } finally {
    await rm(translated, { force: true });
  }
}

/** The compiler of the file's own project, else the one that is installed beside cgroup. */
async function typescriptFor(path: string): Promise<{ default: typeof import('typescript') }> {
  try {
    return await import(pathToFileURL(createRequire(path).resolve('typescript')).href);
  } catch {
    // No package of that name there.
  }
  try {
    return await import('typescript');
  } catch (cause) {
    const text = `a config file in TypeScript needs the package typescript to be installed (${messageOf(cause)})`;
    throw new CgroupError('SETTINGS', text, { cause });
  }
}
