import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { LaneAnswers } from '../../../src/redis/lane-answers.js';
import { RefusedError } from '../../../src/redis/protocol/failure.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Asks, and says after how many ms the answer was there. */
async function asked<T>(answer: Promise<T>): Promise<{ answer: T; after: number }> {
  const began = Date.now();
  let found: { answer: T; after: number } | undefined;
  answer.then((value) => {
    found = { answer: value, after: Date.now() - began };
  });
  for (let i = 0; i < 100 && !found; i++) await vi.advanceTimersByTimeAsync(50);
  if (!found) throw new Error('no answer for 5 s');
  return found;
}

it('a lane that does not answer is waited for, then for a short time only, until it answers', async () => {
  const answers = new LaneAnswers<{ node: string | null }>();
  const [lane, other] = [{ node: 'a:1' }, { node: 'b:1' }];
  const hangs: ((value: number) => void)[] = [];
  const hanging = () => new Promise<number>((resolve) => void hangs.push(resolve));
  expect(await asked(answers.of(lane, hanging))).toEqual({ answer: undefined, after: 2_000 });
  expect(await asked(answers.of(lane, hanging))).toEqual({ answer: undefined, after: 250 });
  expect(await asked(answers.of(other, async () => 7))).toEqual({ answer: 7, after: 0 });
  hangs[0]?.(1);
  await vi.advanceTimersByTimeAsync(0);
  expect(await asked(answers.of(lane, hanging))).toEqual({ answer: undefined, after: 2_000 });
  expect(await asked(answers.of(lane, async () => 8))).toEqual({ answer: 8, after: 0 });
  expect((await asked(answers.of(lane, hanging))).after).toBe(2_000);
  expect(vi.getTimerCount()).toBe(0);
});

it('a lane without a connection is waited for a short time', async () => {
  const answers = new LaneAnswers<{ node: string | null }>();
  const never = () => new Promise<never>(() => {});
  expect(await asked(answers.of({ node: null }, never))).toEqual({ answer: undefined, after: 250 });
});

it('a lost connection is no answer, nor is a node without the slots; what else Redis refuses is an error', async () => {
  const answers = new LaneAnswers<{ node: string | null }>();
  const lane = { node: 'a:1' };
  for (const code of ['REDIS_UNREACHABLE', 'OUTCOME_UNKNOWN'] as const)
    expect(await answers.of(lane, () => Promise.reject(new CgroupError(code, 'gone')))).toBeUndefined();
  for (const refusal of ['CLUSTERDOWN', 'MOVED', 'READONLY', 'LOADING'] as const) {
    const error = new RefusedError('REDIS_REFUSED', refusal, 'not here');
    expect(await answers.of(lane, () => Promise.reject(error))).toBeUndefined();
  }
  const refused = new CgroupError('KEY_TYPE', 'a list');
  await expect(answers.of(lane, () => Promise.reject(refused))).rejects.toBe(refused);
});
