import { expect, test, vi } from 'vitest';
import { MissingKeys } from '../../../src/group/missing-keys.js';
import type { Logger } from '../../../src/log/logger.js';

function watched(): { keys: MissingKeys; warn: ReturnType<typeof vi.fn> } {
  const warn = vi.fn();
  return { keys: new MissingKeys('customer.id', { warn } as unknown as Logger), warn };
}

const without = (count: number) => Array.from({ length: count }, () => ({ key: undefined }));

test('warns once if none of the first messages has a key', () => {
  const { keys, warn } = watched();
  keys.note(without(19));
  expect(warn).not.toHaveBeenCalled();
  keys.note(without(6));
  keys.note(without(100));
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn.mock.calls[0]?.[1]).toMatch(/none of the first 25 messages has a key at customer\.id/);
});

test('says nothing if one of them has a key', () => {
  const { keys, warn } = watched();
  keys.note([...without(5), { key: '"a"' }]);
  keys.note(without(100));
  expect(warn).not.toHaveBeenCalled();
});
