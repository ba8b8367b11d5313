import type { Keys } from './keys.js';

/** A value in a key of the group that the group did not write: it is passed over. */
export interface ForeignValue {
  readonly key: string;
  /** The field of a hash, the member of a zset, or the id of an entry. */
  readonly field: string;
}

/** Most foreign values that one reading names. */
const MOST = 100;

/** Reads the numbers that the group keeps in Redis, and notes those that it cannot have written. */
export class NumberReader {
  readonly #keys: Keys;
  readonly #foreign: ForeignValue[] = [];

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  get foreign(): readonly ForeignValue[] {
    return this.#foreign;
  }

  /** A whole number from 0 on; 0 if there is none, or a foreign value in its place. */
  number(key: keyof Keys, field: string, text: string | undefined): number {
    const number = text === undefined ? 0 : integerOf(text);
    if (number === undefined && this.#foreign.length < MOST)
      this.#foreign.push({ key: this.#keys[key], field });
    return number ?? 0;
  }
}

/** The integer from 0 on that a text of Redis holds, one that JavaScript counts exactly; undefined for any other text. */
export function integerOf(text: string | null | undefined): number | undefined {
  const number = /^\d{1,16}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** The latest time that a Date holds, ms since 1970. */
export const LATEST_TIME = 8.64e15;
