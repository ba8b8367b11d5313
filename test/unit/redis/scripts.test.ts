import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { luaOf, packOptions, SHARED_LUA } from '../../../src/redis/protocol/script.js';
import { everyScript as scripts } from '../../helpers/scripts.js';

const folder = new URL('../../../src/redis/lua/', import.meta.url);
const source = (name: string) => readFileSync(new URL(`${name}.lua`, folder), 'utf8');
const files = readdirSync(folder)
  .map((file) => file.replace('.lua', ''))
  .filter((name) => !SHARED_LUA.includes(name));

/** A part of the head of a script: what stands between its title and the next. */
function partOf(text: string, title: 'KEYS' | 'ARGV'): string {
  return new RegExp(`^-- ${title} ([\\s\\S]*?)^(?:-- (?:ARGV|Returns)|--$|[^-])`, 'm').exec(text)?.[1] ?? '';
}

describe('the scripts', () => {
  it('are declared once for each file', () => {
    expect(scripts.map(([name]) => name).sort()).toEqual(files.sort());
  });

  it.each(scripts)('%s: the common part, those that its head names, then its own', (name) => {
    const [, uses = ''] = /^-- USES (.*)$/m.exec(source(name)) ?? [];
    const shared = uses.split(' ').filter(Boolean);
    expect(SHARED_LUA).toEqual(expect.arrayContaining(shared));
    expect(luaOf(name)).toBe(['common', ...shared, name].map(source).join('\n'));
  });

  it.each(scripts)(
    '%s uses the keys that it gets, and its head names them in the same order',
    (name, { keys }) => {
      const text = source(name);
      // The head: `KEYS 1 inbox  2 output`, over one line or more, or `KEYS none`.
      const named = [...partOf(text, 'KEYS').matchAll(/(\d+) ([a-zA-Z]+)/g)];
      const used = [...text.matchAll(/KEYS\[(\d+)\]/g)].map(([, number]) => Number(number));
      const numbers = keys.map((_, index) => index + 1);
      expect(named.map(([, number]) => Number(number))).toEqual(numbers);
      expect(named.map(([, , key]) => key)).toEqual(keys);
      expect([...new Set(used)].sort((a, b) => a - b)).toEqual(numbers);
    },
  );

  it.each(files)('%s: its head names all options that it uses', (name) => {
    const text = source(name);
    const named = partOf(text, 'ARGV').match(/\w+/g) ?? [];
    const used = [...text.matchAll(/\boptions\.(\w+)/g)].map(([, option]) => option);
    expect(named).toEqual(expect.arrayContaining(used));
  });

  it.each(scripts)('%s checks the types of its keys before it writes', (name, { keys }) => {
    const text = source(name);
    // commit shows them by what it tries: its tests hold that it changes nothing.
    const tries = name === 'commit';
    const check = (
      tries ? /wrong_type\(([\s\S]*?)\)\n/ : /wrong_type\(([\s\S]*?)\)\nif wrong then return wrong end/
    ).exec(text);
    const checked = [
      ...(check?.[1] ?? '').matchAll(
        /KEYS\[(\d+)\], (?:'(?:stream|hash|zset|list|stream or list)'|options\.outputType)/g,
      ),
    ];
    expect(checked.map(([, number]) => Number(number))).toEqual(keys.map((_, index) => index + 1));
    const firstCommand = text.search(
      /redis\.p?call\(|\b(?:claim|count|message_of|pending_entry|is_unsettled|try_removal|read_control|keep_control|write_all)\(/,
    );
    if (keys.length > 0 && !tries) expect(firstCommand).toBeGreaterThan(check?.index ?? Infinity);
  });

  it('get options as JSON: numbers are texts, and what is undefined is left out', () => {
    const gap = { reason: 'é', since: undefined, dropped: 0 };
    const options = { token: 1795251095809, gap, deaf: false, led: true, ids: ['1-1'], none: [] };
    expect(packOptions({ ...options, nothing: {} }).map((one) => JSON.parse(String(one)))).toEqual([
      {
        token: '1795251095809',
        gap: { reason: 'é', dropped: '0' },
        deaf: false,
        led: true,
        ids: ['1-1'],
        none: [],
        nothing: {},
      },
    ]);
  });
});
