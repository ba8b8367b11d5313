import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

// Where cgroup finds what is its own. The single executable has another file in place of this one: config/executable/own-files.js.

/** Reads a file of ours. @param path from the folder `src` or `dist`, such as `redis/lua/commit.lua` or `../package.json` */
export function ownFile(path: string): Buffer {
  return readFileSync(new URL(`../${path}`, import.meta.url));
}

/** The names in a folder of ours. @param folder from the folder `src` or `dist`, such as `http/page` */
export function ownNames(folder: string): string[] {
  return readdirSync(new URL(`../${folder}/`, import.meta.url));
}

/** Reads a file of a package that we depend on. @param path such as `uplot/dist/uPlot.esm.js` */
export function packageFile(path: string): Buffer {
  return readFileSync(createRequire(import.meta.url).resolve(path));
}

/**
 * A CommonJS package that we depend on, loaded in this moment, and faster than by `import`.
 *
 * @param name that the single executable knows too
 */
export function packageOf(name: 'ioredis' | 'pino' | 'pino-pretty'): unknown {
  return createRequire(import.meta.url)(name);
}

/** The program that runs cgroup, with the arguments before the command. */
export function ownProgram(): readonly [program: string, ...args: string[]] {
  return [process.execPath, fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url))];
}

/** Whether a place in the stack of an error is in our code. @param path as the stack has it, a URL as a path */
export function isOwnCode(path: string): boolean {
  return path.startsWith(fileURLToPath(new URL('..', import.meta.url)));
}

/** The program that is Node; undefined if there is none but ours. */
export function nodeProgram(): string | undefined {
  return process.execPath;
}

/** Starts a thread that processes messages. */
export function startThread(options: WorkerOptions): Worker {
  return new Worker(new URL('../processor/threads/worker.js', import.meta.url), options);
}
