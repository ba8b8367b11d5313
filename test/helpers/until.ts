import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** ms until it fails; default 10 s. */
  timeout?: number;
  /** ms between two calls of the condition; default 20. */
  every?: number;
  /** The condition in words, for the error: "the consumer to leave the list". */
  what?: string;
}

/**
 * Waits until `condition` gives something other than undefined, null or false, and returns that. An exception counts
 * as "not yet"; the error at the end of the time shows the last one.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeout = 10_000, every = 20, what = condition.toString() }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const failure = new Error(); // created here, so that its stack shows the caller
  let seen: unknown = 'no answer';
  let over = false;
  let timer: NodeJS.Timeout | undefined;

  const poll = async (): Promise<NonNullable<T>> => {
    while (!over) {
      try {
        const value = await condition();
        if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
        seen = value;
      } catch (error) {
        seen = error;
      }
      await sleep(every);
    }
    throw failure;
  };
  // Not within the poll: a condition that asks a dead Redis may never settle.
  const timeUp = new Promise<never>((_, fail) => {
    timer = setTimeout(() => {
      failure.message = `waited ${timeout} ms for ${what}; last seen: ${String(seen)}`;
      fail(failure);
    }, timeout);
  });
  try {
    return await Promise.race([poll(), timeUp]);
  } finally {
    over = true;
    clearTimeout(timer);
  }
}
