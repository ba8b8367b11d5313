import { memberText } from '../core/json-member.js';

/** The member that the check adds to messages, to see it again in results. */
const MEMBER = 'cgroup_check';
const MANY_DIGITS = '12345678901234567890';
const TEXTS = 'Grüße, 你好, مرحبا, 🎉 "quoted" \\ and / \u2028 two\nlines\t\u0000';
const LARGE = 'é'.repeat(500_000);
/** A half of a character: JSON can write it, UTF-8 cannot. */
const HALF = '\\ud83d';

/** Makes messages from one that the worker can process. */
export class TestMessages {
  readonly #message: object;
  #last = 0;

  /** @param message JSON of an object; undefined for one of ours */
  constructor(message: string | undefined) {
    this.#message =
      message === undefined ? { text: 'a message of cgroup worker --check' } : JSON.parse(message);
  }

  plain(): string {
    return JSON.stringify({ ...this.#message, message_id: this.#nextId() });
  }

  texts(): string {
    return this.#with(JSON.stringify(TEXTS));
  }

  digits(): string {
    return this.#with(MANY_DIGITS);
  }

  halfCharacter(): string {
    return this.#with(`"${HALF}"`);
  }

  /** About a megabyte. */
  large(): string {
    return this.#with(JSON.stringify(LARGE));
  }

  /** Blanks and line breaks between its values, as a publisher may write it. */
  inLines(): string {
    return JSON.stringify({ ...this.#message, message_id: this.#nextId() }, null, 2);
  }

  #with(value: string): string {
    const message = JSON.stringify({ ...this.#message, message_id: this.#nextId(), [MEMBER]: 0 });
    // It stands last, so that its value can be put in as it is written.
    return `${message.slice(0, -2)}${value}}`;
  }

  #nextId(): string {
    return `check-${++this.#last}`;
  }
}

/** What became of the texts of {@link TestMessages.texts} in a result; undefined if the result does not have them. */
export function changedTexts(result: string): 'same' | 'changed' | undefined {
  return compared(result, (json) => JSON.parse(json) === TEXTS);
}

/** The same for the number of {@link TestMessages.digits}. */
export function changedDigits(result: string): 'same' | 'changed' | undefined {
  return compared(result, (json) => json === MANY_DIGITS);
}

/** The same for the text of {@link TestMessages.large}. */
export function changedLarge(result: string): 'same' | 'changed' | undefined {
  return compared(result, (json) => JSON.parse(json) === LARGE);
}

/** The JSON of the member that the check added. */
export function echoOf(result: string): string | undefined {
  return memberText(result, MEMBER);
}

function compared(result: string, same: (json: string) => boolean): 'same' | 'changed' | undefined {
  const json = echoOf(result);
  return json === undefined ? undefined : same(json) ? 'same' : 'changed';
}
