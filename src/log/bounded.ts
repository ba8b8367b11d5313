/** Characters of one text in a line: an error may quote a message of megabytes. */
const LONGEST_TEXT = 10_000;
/** Characters of all names and texts of a line together, about. */
const LONGEST_LINE = 100_000;
/** Levels of the fields. */
const DEEPEST = 20;
/** What a number or a bracket counts for. */
const SMALL = 8;
const CUT = '…';

/** How names and texts are changed, as the last step. */
export interface TextRules {
  text(text: string, name: string): string;
  name(name: string): string;
}

const AS_THEY_ARE: TextRules = { text: (text) => text, name: (name) => name };

/**
 * A copy of the fields of a line, as JSON would show them, cut where they are too long, too many or too deep. It can be
 * posted to another thread. Never throws, whatever the fields are.
 *
 * @returns also the size of the copy: characters, about
 */
export function boundedFields(fields: object, rules = AS_THEY_ARE): { copy: object; size: number } {
  const copier = new Copier(rules);
  const copy = copier.copy(fields, '', 0);
  return { copy: typeof copy === 'object' && copy !== null ? copy : {}, size: LONGEST_LINE - copier.left };
}

/** A text with its end cut off, if it is too long. */
export function cutText(text: string, longest = LONGEST_TEXT): string {
  // A text that was cut before is a little longer.
  return text.length > longest + 100 ? `${text.slice(0, longest)}${CUT} (${text.length} characters)` : text;
}

class Copier {
  left = LONGEST_LINE;
  readonly #rules: TextRules;

  constructor(rules: TextRules) {
    this.#rules = rules;
  }

  copy(value: unknown, name: string, depth: number): unknown {
    this.left -= SMALL;
    if (typeof value === 'string') return this.#text(value, name);
    if (typeof value === 'bigint') return this.#text(String(value), name);
    if (typeof value === 'function' || typeof value === 'symbol') return undefined;
    if (typeof value !== 'object' || value === null) return value;
    if (depth > DEEPEST || this.left <= 0) return CUT;
    try {
      return this.#object(value, name, depth);
    } catch {
      return 'a value that cannot be shown';
    }
  }

  #object(value: object, name: string, depth: number): unknown {
    if (value instanceof Error) return this.#error(value, depth);
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') return this.copy(toJSON.call(value, name), name, depth + 1);
    if (Array.isArray(value)) return this.#list(value, name, depth);
    const entries: [string, unknown][] = [];
    for (const key of Object.keys(value)) {
      if (this.left <= 0) {
        entries.push([CUT, CUT]);
        break;
      }
      this.left -= key.length;
      const inner = (value as Record<string, unknown>)[key];
      entries.push([this.#rules.name(cutText(key)), this.copy(inner, key, depth + 1)]);
    }
    return Object.fromEntries(entries);
  }

  #list(list: readonly unknown[], name: string, depth: number): unknown[] {
    const copy: unknown[] = [];
    for (const value of list) {
      if (this.left <= 0) {
        copy.push(`${CUT} (${list.length} values)`);
        break;
      }
      copy.push(this.copy(value, name, depth + 1));
    }
    return copy;
  }

  /** An error, so that the logger treats it as one. */
  #error(error: Error, depth: number): Error {
    const copy = new Error(this.#text(String(error.message), 'message'));
    copy.name = this.#text(String(error.name), 'name');
    copy.stack = this.#text(String(error.stack), 'stack');
    if (error.cause !== undefined) copy.cause = this.copy(error.cause, 'cause', depth + 1);
    return copy;
  }

  #text(text: string, name: string): string {
    const shown = this.#rules.text(cutText(text, Math.max(Math.min(LONGEST_TEXT, this.left), 0)), name);
    this.left -= shown.length;
    return shown;
  }
}
