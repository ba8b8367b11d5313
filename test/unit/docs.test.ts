import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingsMarkdown } from '../../src/cli/settings/documents.js';
import { settingNames } from '../../src/settings/schema.js';
import { anchorsOf, blocksOf, commandsOf, linksOf, page, pages, proseOf } from '../helpers/docs.js';

const ROOT = new URL('../../', import.meta.url);
const all = pages();
const docs = all.filter(({ path }) => path.startsWith('docs/'));

describe('README.md', () => {
  const readme = page('README.md');

  it('has 150 lines at most', () => {
    expect(readme.text.trimEnd().split('\n').length).toBeLessThanOrEqual(150);
  });

  it.each(docs.map(({ path }) => path))('links to %s', (path) => {
    expect(linksOf(readme)).toContain(path);
  });
});

describe('a page', () => {
  it.each(docs)('says in its first sentence what it is for: $path', ({ text }) => {
    expect(text).toMatch(/^# .+\n\nThis page \w+ [\s\S]+?[.:]\s/);
  });

  it.each(all)('has no broken link: $path', (from) => {
    const broken = linksOf(from).filter(
      (target) => !/^https?:/.test(target) && !leadsSomewhere(from.path, target),
    );
    expect(broken).toEqual([]);
  });

  it.each(all)('names the package by its version: $path', ({ text }) => {
    const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as {
      version: string;
    };
    for (const [, named] of text.matchAll(/cgroup-(\d+\.\d+\.\d+)\.tgz/g)) expect(named).toBe(version);
  });
});

/** Whether there is a file, and a heading in it if the link has an anchor. */
function leadsSomewhere(from: string, target: string): boolean {
  const { pathname, hash } = new URL(target, new URL(from, ROOT));
  const file = new URL(pathname, ROOT);
  if (!existsSync(file)) return false;
  if (hash === '') return true;
  const path = pathname.slice(ROOT.pathname.length);
  return path.endsWith('.md') && anchorsOf(page(path)).has(hash.slice(1));
}

describe('docs/benchmarks.md', () => {
  it('is what npm run bench makes of its results', async () => {
    const results = JSON.parse(readFileSync(new URL('docs/bench/results.json', ROOT), 'utf8')) as {
      measures: object;
    };
    const charts = readdirSync(new URL('docs/bench', ROOT))
      .filter((name) => name.endsWith('.svg'))
      .map((name) => name.slice(0, -'.svg'.length));
    const { pageOf } = (await import(new URL('test/bench/report/page.js', ROOT).href)) as {
      pageOf: (measures: object, charts: string[]) => string;
    };
    expect(page('docs/benchmarks.md').text).toBe(pageOf(results.measures, charts));
  });
});

describe('docs/settings.md', () => {
  it('holds the table of settings that the schema makes, between its marks', () => {
    const parts = page('docs/settings.md').text.split(/<!-- \/?settings -->/);
    expect(parts, 'one <!-- settings --> and one <!-- /settings -->').toHaveLength(3);
    expect(parts[1]?.trim()).toBe(settingsMarkdown());
  });
});

describe('settingsMarkdown', () => {
  const rows = settingsMarkdown().split('\n');
  it('has a row of five cells for each setting', () => {
    expect(rows).toHaveLength(settingNames.length + 2);
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(7);
  });

  it.each([
    '| `size` | `--size`, `-n` | `CGROUP_SIZE` | `3` | how many consumers this process runs |',
    '| `group` | `--group` | `CGROUP_GROUP` | `cgroup` | the name of the consumer group on the inbox stream |',
  ])('has %s', (row) => {
    expect(rows).toContain(row);
  });

  it('names both variables of redis', () => {
    expect(rows.find((row) => row.includes('`redis`'))).toContain('| `CGROUP_REDIS`, `REDIS_URL` |');
  });

  it('names the flag that turns a boolean off, and the choices that the text does not', () => {
    expect(rows.find((row) => row.includes('`monitor`'))).toContain('`--monitor`, `-m`, `--no-monitor`');
    expect(rows.find((row) => row.includes('`logLevel`'))).toContain('trace, debug, info, warn');
  });
});

describe('the reader of the documents', () => {
  const block = (text: string) => ({ page: 'x.md', line: 1, language: 'sh', text });

  it('joins continued lines and leaves out comments, but not within quotes', () => {
    const text = `# first\nnpx a \\\n  --b   # c\n\necho 'd # e' # f\ncurl http://x/#g`;
    expect(commandsOf(block(text))).toEqual(['npx a  --b', "echo 'd # e'", 'curl http://x/#g']);
  });

  it('finds blocks with their language, and prose without them', () => {
    const text = 'a\n```sh\nb\n```\nc\n```\n[d](e)\n```\n[f](g)';
    const found = blocksOf({ path: 'x.md', text });
    expect(found.map(({ line, language, text }) => [line, language, text])).toEqual([
      [2, 'sh', 'b'],
      [6, '', '[d](e)'],
    ]);
    expect(linksOf({ path: 'x.md', text })).toEqual(['g']);
    expect(proseOf({ path: 'x.md', text })).not.toContain('d');
  });

  it('refuses a block without an end', () => {
    expect(() => blocksOf({ path: 'x.md', text: 'a\n```sh\nb' })).toThrow('x.md:2');
  });

  it('makes the anchors that GitHub makes', () => {
    const text = '# A page: `cgroup start`, twice\n## A\n## A\n### Why not?';
    expect([...anchorsOf({ path: 'x.md', text })]).toEqual([
      'a-page-cgroup-start-twice',
      'a',
      'a-1',
      'why-not',
    ]);
  });
});
