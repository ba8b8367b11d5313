import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';

/** A file of the live page, or a page of the docs. */
interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.md': 'text/plain; charset=utf-8',
};

/** Reads the files of the live page and the docs, by the path of each. No other file is served. */
export function pageAssets(): ReadonlyMap<string, Asset> {
  const require = createRequire(import.meta.url);
  return new Map([
    ...filesIn(new URL('./page/', import.meta.url), '/'),
    ...filesIn(new URL('../../docs/', import.meta.url), '/docs/', '.md'),
    ['/uplot.js', assetOf(require.resolve('uplot/dist/uPlot.esm.js'))],
    ['/uplot.css', assetOf(require.resolve('uplot/dist/uPlot.min.css'))],
  ]);
}

/** Those of the known types, or of one of them. The page itself has the path of its folder. */
function filesIn(folder: URL, path: string, only?: string): [string, Asset][] {
  return readdirSync(folder)
    .filter((name) => TYPES[extname(name)] !== undefined && (only === undefined || extname(name) === only))
    .map((name) => [name === 'index.html' ? path : `${path}${name}`, assetOf(new URL(name, folder))]);
}

function assetOf(file: string | URL): Asset {
  const type = TYPES[extname(String(file))] ?? 'application/octet-stream';
  return { type, body: readFileSync(file) };
}
