import { extname } from 'node:path';
import { ownFile, ownNames, packageFile } from '../core/own-files.js';

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
  const uplot = (name: string) => assetOf(name, packageFile(`uplot/dist/${name}`));
  return new Map([
    ...filesIn('http/page', '/'),
    ...filesIn('../docs', '/docs/', '.md'),
    ['/uplot.js', uplot('uPlot.esm.js')],
    ['/uplot.css', uplot('uPlot.min.css')],
  ]);
}

/** Those of the known types, or of one of them. The page itself has the path of its folder. */
function filesIn(folder: string, path: string, only?: string): [string, Asset][] {
  return ownNames(folder)
    .filter((name) => TYPES[extname(name)] !== undefined && (only === undefined || extname(name) === only))
    .map((name) => [
      name === 'index.html' ? path : `${path}${name}`,
      assetOf(name, ownFile(`${folder}/${name}`)),
    ]);
}

function assetOf(name: string, body: Buffer): Asset {
  return { type: TYPES[extname(name)] ?? 'application/octet-stream', body };
}
