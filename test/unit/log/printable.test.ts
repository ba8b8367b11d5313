import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { printableJson } from '../../../src/log/printable.js';

it.each([undefined, 2])(
  'JSON with the indent %s keeps every value, and does nothing to a terminal',
  (indent) => {
    const any = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
    fc.assert(
      fc.property(any, (value) => {
        const text = printableJson(value, indent);
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(text.includes('\n')).toBe(indent !== undefined && Object.keys(value).length > 0);
      }),
    );
    expect(printableJson({ id: 'a\u009b2J\u202e\u{e0041}' })).toBe(
      '{"id":"a\\u009b2J\\u202e\\udb40\\udc41"}',
    );
  },
);

it('no command prints JSON in another way', () => {
  const cli = new URL('../../../src/cli/', import.meta.url);
  const files = readdirSync(new URL('commands/', cli)).map((name) => `commands/${name}`);
  const raw = [...files, 'monitoring.ts', 'settings/print-config.ts'].filter((file) =>
    readFileSync(new URL(file, cli), 'utf8').includes('JSON.stringify'),
  );
  expect(raw).toEqual([]);
});
