import { LARGEST_RESULT } from '../protocol/limits.js';

/** Levels of a result that are looked at: the stack is limited, and JSON.stringify takes few more. */
const DEEPEST = 1_000;

/**
 * The JSON of a result.
 *
 * @throws {TypeError} if it has none, is too large, or holds something that JSON would lose: a Map, an error, a promise
 */
export function encodeResult(result: unknown): string {
  const json = JSON.stringify(result) as string | undefined;
  if (json === undefined) {
    const kind =
      result === undefined ? 'undefined' : `${typeof result === 'object' ? 'an' : 'a'} ${typeof result}`;
    throw new TypeError(`the processor returned ${kind}, which has no JSON: return the result, or null`);
  }
  const error = tooLarge(json);
  if (error) throw new TypeError(error);
  // Afterwards: JSON.stringify has refused circles.
  if (typeof result === 'object' && result !== null) refuseLost(result, undefined, 0);
  return json;
}

/** What is wrong with a result whose JSON is too large; undefined if it is not. */
export function tooLarge(json: string): string | undefined {
  // A character is at most three bytes: only long texts must be measured.
  if (json.length <= LARGEST_RESULT / 3 || Buffer.byteLength(json) <= LARGEST_RESULT) return undefined;
  return `the result is larger than ${LARGEST_RESULT / 2 ** 20} MB of JSON`;
}

/** Looks at each object in a result. Most are plain or lists: for these it must be cheap. */
function refuseLost(value: object, name: string | undefined, depth: number): void {
  if (depth > DEEPEST) return;
  if (Array.isArray(value)) {
    for (const inner of value as unknown[])
      if (typeof inner === 'object' && inner !== null) refuseLost(inner, name, depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && !isPlain(prototype)) {
    if (isKept(value)) return;
    const why = whyLost(value);
    if (why)
      throw new TypeError(`${name === undefined ? 'the result' : `"${name}" of the result`} is ${why}`);
  }
  for (const key in value) {
    const inner: unknown = (value as Record<string, unknown>)[key];
    if (typeof inner === 'object' && inner !== null) refuseLost(inner, key, depth + 1);
  }
}

/** Without a prototype, or with the Object.prototype of another realm (node:vm). */
function isPlain(prototype: unknown): boolean {
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Whether it has a JSON of its own, as Date, URL and Buffer have, or is a list of numbers. */
function isKept(value: object): boolean {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function' || ArrayBuffer.isView(value);
}

/** What it is and what to do, if JSON shows nothing of it, or only its insides. */
function whyLost(value: object): string | undefined {
  if (value instanceof Error) return 'an error: throw it, and the attempt has failed';
  if (typeof (value as { then?: unknown }).then === 'function') return 'a promise: await it';
  const iterable = Symbol.iterator in value || Symbol.asyncIterator in value;
  if (!iterable && (Object.keys(value).length > 0 || JSON.stringify(value) !== '{}')) return undefined;
  return `of type ${typeOf(value)}, of which JSON keeps nothing: return plain objects, lists, texts and numbers`;
}

/** `Map`, `Response`, `Generator`, or the name of a class. */
function typeOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return tag === 'Object' ? String(value.constructor?.name) : tag;
}
