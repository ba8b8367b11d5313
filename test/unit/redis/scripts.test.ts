import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scripts } from '../../../src/redis/scripts.js';

const folder = new URL('../../../src/redis/lua/', import.meta.url);
const source = (name: string) => readFileSync(new URL(`${name}.lua`, folder), 'utf8');
const names = readdirSync(folder)
  .map((file) => file.replace('.lua', ''))
  .filter((name) => name !== 'common');

describe('the scripts', () => {
  it('are all that lie in the folder, and no others', () => {
    expect(Object.keys(scripts()).sort()).toEqual(names.sort());
  });

  it('are read once', () => {
    expect(scripts()).toBe(scripts());
  });

  it.each(Object.entries(scripts()))('%s: the common part, then its own', (name, { lua }) => {
    expect(lua).toBe(`${source('common')}\n${source(name)}`);
  });

  it.each(Object.entries(scripts()))(
    '%s uses the keys that it is given, and its head names them',
    (name, script) => {
      const text = source(name);
      // The head: `KEYS 1 inbox  2 output`, over one line or more, or `KEYS none`.
      const head = /^-- KEYS ([\s\S]*?)^(?:-- (?:ARGV|Returns)|--$|[^-])/m.exec(text)?.[1] ?? '';
      const named = [...head.matchAll(/(\d+) [a-z]/g)].map(([, number]) => Number(number));
      const used = [...text.matchAll(/KEYS\[(\d+)\]/g)].map(([, number]) => Number(number));
      const all = Array.from({ length: script.numberOfKeys }, (_, index) => index + 1);
      expect(named).toEqual(all);
      expect([...new Set(used)].sort((a, b) => a - b)).toEqual(all);
    },
  );

  it.each(names)('%s checks the types of its keys before it writes', (name) => {
    const text = source(name);
    const keys = scripts()[name as keyof ReturnType<typeof scripts>].numberOfKeys;
    const check = /wrong_type\(([\s\S]*?)\)\nif wrong then return wrong end/.exec(text);
    const checked = [...(check?.[1] ?? '').matchAll(/KEYS\[(\d+)\], '(?:stream|hash|zset|list)'/g)];
    expect(checked.map(([, number]) => Number(number))).toEqual(
      Array.from({ length: keys }, (_, index) => index + 1),
    );
    const firstCommand = text.search(/redis\.p?call\(/);
    if (keys > 0) expect(firstCommand).toBeGreaterThan(check?.index ?? Infinity);
  });
});
