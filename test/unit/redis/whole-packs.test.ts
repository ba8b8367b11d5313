import { performance } from 'node:perf_hooks';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { silentLogger } from '../../../src/log/logger.js';
import { keysOf } from '../../../src/redis/keys.js';
import { RefusedError } from '../../../src/redis/protocol/failure.js';
import { ResultsMissingError } from '../../../src/redis/protocol/transaction-replies.js';
import { WholePacks } from '../../../src/redis/whole-packs.js';
import { parseSettings } from '../../../src/settings/parse.js';
import { wholeOf } from '../../helpers/whole-packs.js';

const DAY = 86_400_000;
const missing = new ResultsMissingError(undefined);
const refused = new RefusedError('REDIS_REFUSED', 'NOPERM', 'no right');
/** So long that each pack has a transaction of its own. */
const packs = [1, 2].map((n) => wholeOf(`${n}-1000250`, 'a', () => 'x'.repeat(600)));

/** Transactions end with these errors in turn. Returns what settles packs, how many were sent, and the lines of the log. */
function setUp(...failures: Error[]) {
  let now = 0;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  const later = () => {
    now += DAY;
  };
  const [errors, warnings]: [string[], string[]] = [[], []];
  let sent = 0;
  const requests = {
    request: async () => {
      throw failures[sent++] ?? new Error('unexpected');
    },
    renew: () => {},
    replicated: async () => {},
  };
  const log = {
    ...silentLogger,
    error: (_fields: object, text: string) => void errors.push(text),
    warn: (_fields: object, text: string) => void warnings.push(text),
  };
  const whole = new WholePacks(requests, keysOf(parseSettings({})), 'cgroup', log);
  return { whole, errors, warnings, later, sent: () => sent };
}

describe('transactions of which a result is missing', () => {
  it.each([
    ['before another is refused', missing, refused],
    ['after another was refused', refused, missing],
  ])('end for good, %s', async (_title, first, second) => {
    const { whole, errors, later, sent } = setUp(first, second);
    await whole.settle(packs, 0, async () => []);
    later();
    await whole.settle(packs, 0, async () => []);
    expect([sent(), errors]).toEqual([2, [missing.message]]);
  });

  it('end for good, even if the script fails', async () => {
    const { whole, errors, sent } = setUp(missing, missing);
    const away = new CgroupError('OUTCOME_UNKNOWN', 'no reply');
    await expect(whole.settle(packs.slice(1), 0, () => Promise.reject(away))).rejects.toBe(away);
    await whole.settle(packs, 0, async () => []);
    expect([sent(), errors]).toEqual([1, [missing.message]]);
  });
});

describe('transactions that are refused', () => {
  it('say so once, also if two batches are refused at once, or another one later for the same reason', async () => {
    const again = new RefusedError('REDIS_REFUSED', 'NOPERM', 'no right to another name');
    const { whole, warnings, later, sent } = setUp(refused, again, again, again);
    await whole.settle(packs, 0, async () => []);
    await whole.settle(packs, 0, async () => []);
    expect(sent()).toBe(2);
    later();
    await whole.settle(packs, 0, async () => []);
    expect(sent()).toBe(4);
    expect(warnings).toEqual([expect.stringMatching(/^packs are settled by scripts alone/)]);
  });
});
