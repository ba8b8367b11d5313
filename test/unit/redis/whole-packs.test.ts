import { afterAll, describe, expect, it, vi } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { silentLogger } from '../../../src/log/logger.js';
import { keysOf } from '../../../src/redis/keys.js';
import { RefusedError } from '../../../src/redis/protocol/failure.js';
import { ResultsMissingError } from '../../../src/redis/protocol/transaction-replies.js';
import { WholePacks } from '../../../src/redis/whole-packs.js';
import { parseSettings } from '../../../src/settings/schema.js';
import { wholeOf } from '../../helpers/whole-packs.js';

const DAY = 86_400_000;
const missing = new ResultsMissingError(undefined);
const refused = new RefusedError('REDIS_REFUSED', 'NOPERM', 'no right');
/** So long that each pack has a transaction of its own. */
const packs = [1, 2].map((n) => wholeOf(`${n}-1000250`, 'a', () => 'x'.repeat(600)));

/** Settles the packs; transactions end with these errors in turn. Returns how many were sent, and the lines of the log. */
function setUp(...failures: Error[]) {
  const [errors, warnings]: [string[], string[]] = [[], []];
  let sent = 0;
  const requests = {
    request: async () => {
      throw failures[sent++] ?? new Error('unexpected');
    },
    renew: () => {},
  };
  const log = {
    ...silentLogger,
    error: (_fields: object, text: string) => void errors.push(text),
    warn: (_fields: object, text: string) => void warnings.push(text),
  };
  const whole = new WholePacks(requests, keysOf(parseSettings({})), 'cgroup', log);
  return { whole, errors, warnings, sent: () => sent };
}

describe('transactions of which a result is missing', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  afterAll(() => vi.useRealTimers());

  it.each([
    ['before another is refused', missing, refused],
    ['after another was refused', refused, missing],
  ])('end for good, %s', async (_title, first, second) => {
    const { whole, errors, sent } = setUp(first, second);
    await whole.settle(packs, 0, async () => []);
    vi.advanceTimersByTime(DAY);
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
