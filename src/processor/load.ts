import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CgroupError } from '../core/errors.js';
import { importReason } from './import-error.js';
import { checkedProcessor, type Processor } from './processor.js';

/** ms that a module may take to be imported. */
export const LOAD_TIMEOUT = 30_000;

/** For users who mean another kind of processor. */
const OTHERS =
  'a program is exec:COMMAND, such as exec:python3 handler.py; a web service is its URL, such as http://127.0.0.1:8080/';

/** The error for a module that is not imported in time. */
export function notImported(file: string, timeout: number): CgroupError {
  return new CgroupError(
    'PROCESSOR',
    `the processor module ${file} is not imported after ${timeout / 1_000} s`,
  );
}

/**
 * Like {@link loadProcessor}, with a timeout: a module may await something that never settles. The timeout does not help
 * if the import blocks the thread.
 *
 * @param timeout ms
 * @throws {CgroupError} PROCESSOR
 */
export async function loadProcessorWithin(timeout: number, path: string): Promise<Processor> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(notImported(resolve(path), timeout)), timeout);
  });
  try {
    return await Promise.race([loadProcessor(path), late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Loads a processor from a module: its default export.
 *
 * @param path of the module; a relative one is relative to the working directory
 * @throws {CgroupError} PROCESSOR if it is missing, fails on import, or exports no function that can be a processor
 */
export async function loadProcessor(path: string): Promise<Processor> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile())
    throw new CgroupError('PROCESSOR', `there is no processor module at ${file} (${OTHERS})`);
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    // One line; the cause has all lines.
    const reason = await importReason(file, error, OTHERS);
    throw new CgroupError('PROCESSOR', `the processor module ${file} fails on import: ${reason}`, {
      cause: error,
    });
  }
  // A CommonJS module compiled from TypeScript has its default export one level down.
  const exported = (module.default as { default?: unknown } | undefined)?.default ?? module.default;
  if (typeof exported !== 'function')
    throw new CgroupError(
      'PROCESSOR',
      `the processor module ${file} has no function as its default export: export default async (message, context) => result`,
    );
  return checkedProcessor(exported as Processor, `the default export of ${file}`);
}
