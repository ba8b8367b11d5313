import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { canBeListed, LedgerFile, readLedger } from '../../../src/publish/ledger-file.js';

const folder = mkdtempSync(join(tmpdir(), 'cgroup-ledger-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = () => join(folder, `${++files}.txt`);

async function idsIn(text: string): Promise<string[]> {
  const path = newPath();
  writeFileSync(path, text);
  const ids: string[] = [];
  await readLedger(path, (id) => ids.push(id));
  return ids;
}

describe('a ledger file', () => {
  it('has one id a line and nothing else', async () => {
    const file = await LedgerFile.open(newPath());
    for (const id of ['b', 'a', 'b']) file.add(id);
    await file.close();
    expect(readFileSync(file.path, 'utf8')).toBe('b\na\nb\n');
    expect(file.ids).toBe(3);
  });

  it('replaces an existing file', async () => {
    const path = newPath();
    writeFileSync(path, 'old\n'.repeat(100));
    const file = await LedgerFile.open(path);
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('');
  });

  it('gives back its ids, however long it is', async () => {
    const ids = fc.string({ unit: 'grapheme', minLength: 1 }).filter(canBeListed);
    await fc.assert(
      fc.asyncProperty(fc.array(ids), fc.constantFrom(1, 3_000), async (list, times) => {
        const file = await LedgerFile.open(newPath());
        const all = Array.from({ length: times }, () => list).flat();
        for (const id of all) file.add(id);
        await file.close();
        const read: string[] = [];
        await readLedger(file.path, (id) => read.push(id));
        expect(read).toEqual(all);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['', []],
    ['a', ['a']],
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['\n\na\n \n\r\nb\n\n', ['a', 'b']],
    [' a b ', [' a b ']],
  ])('%j holds %j', async (text, ids) => {
    expect(await idsIn(text)).toEqual(ids);
  });

  it.each([
    ['x', true],
    [' x ', true],
    ['', false],
    ['  ', false],
    ['a\nb', false],
    ['a\r', false],
  ])('can hold %j: %j', (id, can) => {
    expect(canBeListed(id)).toBe(can);
  });

  it('that is missing, or a folder, gives an error with its path', async () => {
    const path = join(folder, 'nowhere', 'ids.txt');
    const message = expect.stringContaining(path) as string;
    await expect(readLedger(path, () => {})).rejects.toMatchObject({ code: 'NOT_FOUND', message });
    await expect(readLedger(folder, () => {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(LedgerFile.open(path)).rejects.toMatchObject({ code: 'NOT_FOUND', message });
  });

  it.runIf(process.platform === 'linux')('on a full disk gives an error', async () => {
    const file = await LedgerFile.open('/dev/full');
    file.add('a');
    await expect(file.close()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('ENOSPC') as string,
    });
  });
});
