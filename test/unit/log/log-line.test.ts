import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleaned, jsonLine, secretsIn } from '../../../src/log/log-line.js';

describe('a line of the log', () => {
  it('shows no password of a URL in any field', () => {
    const line = { msg: 'no way to redis://user:geheim@h:1, sorry', error: { list: ['rediss://:geheim@h'] } };
    expect(cleaned(line, [], false)).toEqual({
      msg: 'no way to redis://user:***@h:1, sorry',
      error: { list: ['rediss://:***@h'] },
    });
  });

  it('leaves URLs without a secret as they are', () => {
    const text = 'see https://example.com/a?b=c, (redis://127.0.0.1:6379) and http://h:1.';
    expect(cleaned({ text }, [], false)).toEqual({ text });
  });

  it('shows no value of a field that is named like a secret', () => {
    const fields = {
      password: 'x',
      userPassword: 'x',
      accessToken: 'x',
      Authorization: 'x',
      api_key: 'x',
      passage: 'x',
    };
    expect(cleaned({ deep: fields }, [], false)).toEqual({
      deep: {
        password: '***',
        userPassword: '***',
        accessToken: '***',
        Authorization: '***',
        api_key: '***',
        passage: 'x',
      },
    });
  });

  it("does not show Redis's own password, encoded or not, alone or within a text", () => {
    const secrets = secretsIn('redis://user:p%40ss%2Fword@h');
    expect(cleaned({ list: ['WRONGPASS p@ss/word!', 'p%40ss%2Fword'] }, secrets, false)).toEqual({
      list: ['WRONGPASS ***!', '***'],
    });
    expect(secretsIn('redis://h')).toEqual([]);
    expect(secretsIn('redis://:abc@h')).toEqual([]);
    expect(secretsIn('no url')).toEqual([]);
  });

  it('has a limited length', () => {
    const { text } = cleaned({ text: 'x'.repeat(1_000_000) }, [], false) as { text: string };
    expect(text.length).toBeLessThan(10_100);
    expect(text).toMatch(/… \(1000000 characters\)$/);
  });

  const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

  it('as JSON is one line that does nothing to a terminal, and keeps every value', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (fields) => {
        const line = jsonLine(fields);
        expect(line.endsWith('\n')).toBe(true);
        expect(line.slice(0, -1)).not.toMatch(unsafe);
        expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(fields)));
      }),
    );
  });

  it('for people holds nothing that acts on a terminal, neither in names nor in values', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (fields) => {
        const shown = cleaned(fields, [], true) as Record<string, string>;
        for (const [name, value] of Object.entries(shown).filter(([key]) => key !== 'stack')) {
          expect(name).not.toMatch(unsafe);
          expect(value).not.toMatch(unsafe);
        }
      }),
    );
  });

  it('keeps the lines of a stack, indented', () => {
    expect(cleaned({ stack: 'Error: a\u001b\n[12:00:00] INFO: forged' }, [], true)).toEqual({
      stack: 'Error: a\\u001b\n    [12:00:00] INFO: forged',
    });
  });
});
