import { emitKeypressEvents } from 'node:readline';
import { styleText } from 'node:util';
import { ansi } from './ansi.js';
import type { Size } from './frame.js';
import type { Line, Tone } from './sections.js';

/** The size of a terminal that reports none. */
const DEFAULT_SIZE: Size = { width: 80, height: 24 };

const STYLE: Readonly<Record<Tone, 'bold' | 'cyan' | 'red' | 'dim'>> = {
  title: 'bold',
  head: 'cyan',
  alarm: 'red',
  dim: 'dim',
};

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
   * @param onQuit called at `q`, at Ctrl-C, and when stdin ends
   * @param onResize called when the terminal has another size
   */
  open(onQuit: () => void, onResize: () => void): void {
    this.#open = true;
    // Gives the terminal back however the process ends.
    process.once('exit', this.#close);
    this.#out.write(ansi.enterAlternativeScreen + ansi.cursorHide + ansi.clearViewport);
    this.#out.on('resize', () => {
      // The terminal may have wrapped longer lines.
      if (this.#open) this.#out.write(ansi.clearViewport);
      onResize();
    });
    if (!this.#input.isTTY) return; // a signal ends it
    emitKeypressEvents(this.#input);
    this.#input.setRawMode(true);
    this.#input.on('keypress', (_text: string, key: { name?: string; ctrl?: boolean }) => {
      if (key.name === 'q' || (key.ctrl && key.name === 'c')) onQuit();
    });
    this.#input.once('end', onQuit);
    this.#input.resume();
  }

  get size(): Size {
    // A terminal whose size was never set reports 0.
    return { width: this.#out.columns || DEFAULT_SIZE.width, height: this.#out.rows || DEFAULT_SIZE.height };
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
    if (this.#input.isTTY) {
      this.#input.setRawMode(false);
      this.#input.pause();
    }
    this.#out.write(ansi.cursorShow + ansi.exitAlternativeScreen);
  }
}
