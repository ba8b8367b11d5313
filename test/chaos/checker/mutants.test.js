import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { chooseFaults } from '../faults/index.js';
import { MUTANTS } from '../mutants.js';

it.each(Object.entries(MUTANTS))('%s alters one place of its script', (_name, { in: file, from, to }) => {
  const text = readFileSync(new URL(`../../../src/redis/lua/${file}`, import.meta.url), 'utf8');
  expect(text.split(from)).toHaveLength(2);
  expect(to).not.toBe(from);
});

it.each(Object.entries(MUTANTS))('%s has faults or a test', (_name, { faults, test }) => {
  if (test) expect(existsSync(new URL(`../../integration/${test}`, import.meta.url))).toBe(true);
  else expect(chooseFaults(faults)).not.toEqual([]);
});
