import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A file of the live page. */
interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const JS = 'text/javascript; charset=utf-8';
const CSS = 'text/css; charset=utf-8';

/** Reads the files of the live page, by the path of each. No other file is served. */
export function pageAssets(): ReadonlyMap<string, Asset> {
  const page = (name: string) => readFileSync(new URL(`./page/${name}`, import.meta.url));
  const require = createRequire(import.meta.url);
  const uplot = (name: string) => readFileSync(require.resolve(`uplot/dist/${name}`));
  const scripts = ['main.js', 'charts.js', 'tables.js', 'letters.js', 'order.js', 'format.js'];
  return new Map<string, Asset>([
    ['/', { type: 'text/html; charset=utf-8', body: page('index.html') }],
    ['/page.css', { type: CSS, body: page('page.css') }],
    ['/icon.svg', { type: 'image/svg+xml', body: page('icon.svg') }],
    ...scripts.map((name): [string, Asset] => [`/${name}`, { type: JS, body: page(name) }]),
    ['/uplot.js', { type: JS, body: uplot('uPlot.esm.js') }],
    ['/uplot.css', { type: CSS, body: uplot('uPlot.min.css') }],
  ]);
}
