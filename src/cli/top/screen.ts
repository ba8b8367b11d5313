import { emitKeypressEvents } from 'node:readline';
import ansi from 'ansi-escapes';
import colors from 'picocolors';
import type { Size } from './frame.js';
import type { Line, Tone } from './line.js';

/** A terminal that says nothing of its size. */
const USUAL: Size = { width: 80, height: 24 };

/** The whole terminal, as long as it is open; what was there before comes back when it is closed. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #input: NodeJS.ReadStream;
  readonly #paint: Readonly<Record<Tone, (text: string) => string>>;
  #open = false;
  readonly #close = () => this.close();

  constructor(out: NodeJS.WriteStream, input: NodeJS.ReadStream) {
    this.#out = out;
    this.#input = input;
    const { bold, red, dim, cyan } = colors.createColors(!process.env.NO_COLOR);
    this.#paint = { title: bold, head: cyan, alarm: red, dim };
  }

  /**
   * Takes the terminal.
   *
   * @param onQuit called for `q`, Ctrl-C, and when nobody can press a key any more
   * @param onResize called after the terminal has another size
   */
  open(onQuit: () => void, onResize: () => void): void {
    this.#open = true;
    // However the process ends, the terminal is given back.
    process.once('exit', this.#close);
    this.#out.write(ansi.enterAlternativeScreen + ansi.cursorHide + ansi.clearViewport);
    this.#out.on('resize', () => {
      // What the terminal has made of lines that were longer is unknown.
      if (this.#open) this.#out.write(ansi.clearViewport);
      onResize();
    });
    if (!this.#input.isTTY) return; // signals end it
    emitKeypressEvents(this.#input);
    this.#input.setRawMode(true);
    this.#input.on('keypress', (_text: string, key: { name?: string; ctrl?: boolean }) => {
      if (key.name === 'q' || (key.ctrl && key.name === 'c')) onQuit();
    });
    this.#input.once('end', onQuit);
    this.#input.resume();
  }

  get size(): Size {
    // A terminal of which the size was never set says 0.
    return { width: this.#out.columns || USUAL.width, height: this.#out.rows || USUAL.height };
  }

  /** Shows these lines and nothing else. A terminal that has not taken the last ones yet is spared. */
  draw(lines: readonly Line[]): void {
    if (!this.#open || this.#out.writableNeedDrain) return;
    const drawn = lines.map(
      ({ text, tone }, y) => ansi.cursorTo(0, y) + ansi.eraseLine + (tone ? this.#paint[tone](text) : text),
    );
    const rest = lines.length < this.size.height ? ansi.cursorTo(0, lines.length) + ansi.eraseDown : '';
    this.#out.write(ansi.synchronizedOutput(drawn.join('') + rest));
  }

  /** Gives the terminal back as it was. May be called twice. */
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
