import { setTimeout as sleep } from 'node:timers/promises';

export interface UntilOptions {
  /** Milliseconds until it is given up; 10 s. */
  timeout?: number;
  /** Milliseconds between two looks; 20. */
  every?: number;
  /** What is waited for, for the error: "the consumer to leave the list". */
  what?: string;
}

/**
 * Waits until `condition` gives something other than undefined, null or false, and gives that back.
 * An exception counts as "not yet", and is told when the time is up.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeout = 10_000, every = 20, what = condition.toString() }: UntilOptions = {},
): Promise<NonNullable<T>> {
  const failure = new Error(); // made here, so that its stack shows who waited
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
  // Apart from the poll: a question to a Redis that is gone may never be answered.
  const timeUp = new Promise<never>((_, fail) => {
    timer = setTimeout(() => {
      failure.message = `waited ${timeout} ms in vain for ${what}; last seen: ${String(seen)}`;
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
