import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const SRC = new URL('../../src/', import.meta.url);
const DECLARED = /^export (?:abstract |async )?(?:class|interface|type|const|function\*?) (\w+)/gm;

it('each exported name of src is declared once', () => {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const where = new Map<string, string[]>();
  for (const file of files)
    for (const [, name = ''] of readFileSync(new URL(file, SRC), 'utf8').matchAll(DECLARED))
      where.set(name, [...(where.get(name) ?? []), file]);
  expect(where.size).toBeGreaterThan(200);
  expect([...where].filter(([, declaredIn]) => declaredIn.length > 1)).toEqual([]);
});

it('src holds index.ts and folders, and no file of more than 350 lines', () => {
  const entries = readdirSync(SRC, { withFileTypes: true });
  expect(entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name)).toEqual(['index.ts']);
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.(ts|lua)$/.test(name),
  );
  const lines = (file: string) => readFileSync(new URL(file, SRC), 'utf8').split('\n').length - 1;
  expect(files.filter((file) => lines(file) > 350)).toEqual([]);
});
