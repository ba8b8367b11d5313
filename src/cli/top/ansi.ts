/** What a terminal does, as the texts that make it do so. */
export const ansi = {
  enterAlternativeScreen: '\x1b[?1049h',
  exitAlternativeScreen: '\x1b[?1049l',
  cursorHide: '\x1b[?25l',
  cursorShow: '\x1b[?25h',
  /** A line that is too long is cut, and not continued in the next one: the terminal may find a character wider than we do. */
  wrapOff: '\x1b[?7l',
  wrapOn: '\x1b[?7h',
  clearViewport: '\x1b[2J\x1b[H',
  eraseLine: '\x1b[2K',
  eraseDown: '\x1b[J',
  /** Both numbers start at 0. */
  cursorTo: (x: number, y: number) => `\x1b[${y + 1};${x + 1}H`,
  /** The terminal shows all of the text at once, if it can. */
  synchronizedOutput: (text: string) => `\x1b[?2026h${text}\x1b[?2026l`,
};
