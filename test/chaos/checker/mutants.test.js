import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MUTANTS } from '../mutants.js';

it.each(Object.entries(MUTANTS))('%s alters one place of its script', (_name, { in: file, from, to }) => {
  const text = readFileSync(new URL(`../../../src/redis/lua/${file}`, import.meta.url), 'utf8');
  expect(text.split(from)).toHaveLength(2);
  expect(to).not.toBe(from);
});
