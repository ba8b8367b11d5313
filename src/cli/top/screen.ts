import { emitKeypressEvents, type Interface } from 'node:readline';
import { styleText } from 'node:util';
import { ansi } from './ansi.js';
import type { Key } from './keys.js';
import type { Line, Size, Tone } from './line.js';

/** The size of a terminal that reports none. */
const DEFAULT_SIZE: Size = { width: 80, height: 24 };

const STYLE: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  title: 'bold',
  head: 'cyan',
  good: 'green',
  warn: 'yellow',
  alarm: 'red',
  dim: 'gray',
  selected: 'inverse',
};

/**
 * ms after which Esc is a key of its own, and not the beginning of another one. `emitKeypressEvents` reads nothing else of an
 * interface, and waits for 500 ms without it.
 */
const ESCAPE_TIMEOUT = { escapeCodeTimeout: 50 };

interface ScreenEvents {
  readonly key: (key: Key) => void;
  readonly quit: () => void;
  readonly resize: () => void;
}

/** Takes the whole terminal while it is open; closing brings the old content back. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #input: NodeJS.ReadStream;
  #open = false;
  readonly #close = () => this.close();

  constructor(out: NodeJS.WriteStream, input: NodeJS.ReadStream) {
    this.#out = out;
    this.#input = input;
  }

  /**
   * Takes the terminal.
   *
   * @param on what is called: with each key; at Ctrl-C, and when stdin ends; when the terminal has another size
   */
  open(on: ScreenEvents): void {
    this.#open = true;
    // Gives the terminal back however the process ends.
    process.once('exit', this.#close);
    this.#out.write(ansi.enterAlternativeScreen + ansi.cursorHide + ansi.wrapOff + ansi.clearViewport);
    this.#out.on('resize', () => {
      // The terminal may have wrapped longer lines.
      if (this.#open) this.#out.write(ansi.clearViewport);
      on.resize();
    });
    if (!this.hasKeys) return; // a signal ends it
    emitKeypressEvents(this.#input, ESCAPE_TIMEOUT as unknown as Interface);
    this.#input.setRawMode(true);
    this.#input.on('keypress', (_text: string, key: Key) => {
      if (key.ctrl && key.name === 'c') on.quit();
      else on.key(key);
    });
    this.#input.once('end', on.quit);
    this.#input.resume();
  }

  /** Whether the user can press any. */
  get hasKeys(): boolean {
    return this.#input.isTTY === true;
  }

  get size(): Size {
    // A terminal whose size was never set reports 0.
    const { columns, rows } = this.#out;
    return { width: columns || DEFAULT_SIZE.width, height: rows || DEFAULT_SIZE.height };
  }

  /** Shows these lines and nothing else. Skipped if the terminal has not yet taken the last ones. */
  draw(lines: readonly Line[]): void {
    if (!this.#open || this.#out.writableNeedDrain) return;
    const drawn = lines.map(
      ({ text, tone }, y) => ansi.cursorTo(0, y) + ansi.eraseLine + this.#painted(text, tone),
    );
    const rest = lines.length < this.size.height ? ansi.cursorTo(0, lines.length) + ansi.eraseDown : '';
    this.#out.write(ansi.synchronizedOutput(drawn.join('') + rest));
  }

  /** Without colours if NO_COLOR is set, or the terminal has none. */
  #painted(text: string, tone: Tone | undefined): string {
    return tone ? styleText(STYLE[tone], text, { stream: this.#out }) : text;
  }

  /** Gives the terminal back as it was. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    process.off('exit', this.#close);
    if (this.hasKeys) {
      this.#input.setRawMode(false);
      this.#input.pause();
    }
    this.#out.write(ansi.wrapOn + ansi.cursorShow + ansi.exitAlternativeScreen);
  }
}
