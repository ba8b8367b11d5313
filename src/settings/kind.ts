/** A value that was read, or the rule that it breaks: `must be …`. */
export type Read<T> = { readonly value: T; readonly rule?: undefined } | { readonly rule: string };

/** The part of JSON Schema that our settings use. */
export interface SettingJsonSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly SettingJsonSchema[];
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly pattern?: string;
}

/**
 * What the value of a setting may be: reads it, refuses it with a rule of ours, and describes it as JSON Schema. Written like the
 * schemas of zod, which the protocol of the workers uses: it would take longer to load than all that most commands do.
 */
export class Kind<T> {
  /** As it is written, before it is read. */
  readonly json: SettingJsonSchema;
  readonly #read: (value: unknown) => Read<T>;

  constructor(json: SettingJsonSchema, read: (value: unknown) => Read<T>) {
    this.json = json;
    this.#read = read;
  }

  read(value: unknown): Read<T> {
    return this.#read(value);
  }

  /** The same, with one more rule. @param brokenRule of a value that was read; undefined if it breaks none */
  check(brokenRule: (value: T) => string | undefined, json: SettingJsonSchema = {}): Kind<T> {
    return new Kind({ ...this.json, ...json }, (value) => {
      const read = this.#read(value);
      if (read.rule !== undefined) return read;
      const rule = brokenRule(read.value);
      return rule === undefined ? read : { rule };
    });
  }

  /** The same, read into another form. */
  transform<Other>(into: (value: T) => Other): Kind<Other> {
    return new Kind(this.json, (value) => {
      const read = this.#read(value);
      return read.rule === undefined ? { value: into(read.value) } : read;
    });
  }

  /** With a default. @param written as a user would write it */
  prefault(written: string | number | boolean): Kind<T> {
    return new Kind({ default: written, ...this.json }, (value) =>
      this.#read(value === undefined ? written : value),
    );
  }

  optional(): Kind<T | undefined> {
    return new Kind<T | undefined>(this.json, (value) =>
      value === undefined ? { value: undefined } : this.#read(value),
    );
  }

  describe(description: string): Kind<T> {
    return new Kind({ description, ...this.json }, this.#read);
  }
}

/** A text of any length. @param rule for all that is no text */
export function text(rule: string): Kind<string> {
  return new Kind({ type: 'string' }, (value) => (typeof value === 'string' ? { value } : { rule }));
}

/** A text that is not empty. */
export function filled(rule: string): Kind<string> {
  return text(rule).check((value) => (value === '' ? 'must not be empty' : undefined), { minLength: 1 });
}

/** A text of a form. */
export function matching(pattern: RegExp, rule: string, of = text(rule)): Kind<string> {
  return of.check((value) => (pattern.test(value) ? undefined : rule), { pattern: pattern.source });
}
