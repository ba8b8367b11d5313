import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** `--import tsx`, or the path of its loader, as Node is given it. */
const NAMES_TSX = /(?:^|\s)(?:--(?:import|loader|experimental-loader|require)|-r)[= ]["']?\S*\btsx\b/;

/**
 * Lets a thread load TypeScript as its process does: a process that is started with `--import tsx` hands the option on to its
 * threads, where tsx does nothing. Does nothing if Node was not given tsx.
 *
 * @param path of the module of the processor: its own tsx is taken, or that of the working directory
 */
export async function registerTsx(path: string): Promise<void> {
  if (!NAMES_TSX.test([...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' '))) return;
  for (const from of [path, `${process.cwd()}/`]) {
    const { resolve } = createRequire(from);
    try {
      for (const kind of ['cjs', 'esm']) {
        // Its form for `require` cannot register for `import`.
        const file = resolve(`tsx/${kind}/api`).replace(/\.cjs$/, '.mjs');
        ((await import(pathToFileURL(file).href)) as { register(): unknown }).register();
      }
      return;
    } catch {
      // It is not there, or another version: the import of the module says what is wrong.
    }
  }
}
