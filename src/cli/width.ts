import stringWidth from 'string-width';

/** The columns of a terminal that a text takes: two for a Chinese character, none for a combining accent. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** Columns below which a text is not wrapped: it would be hard to read. */
const LEAST_WRAPPED = 20;

/** A text in lines of at most `width` columns, broken at blanks; a longer word has a line of its own. */
export function wrapped(text: string, width: number): string[] {
  if (widthOf(text) <= width || width < LEAST_WRAPPED) return [text];
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(' ')) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    if (line === undefined || widthOf(longer) <= width) line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return line === undefined ? lines : [...lines, line];
}

const letters = new Intl.Segmenter('en');

/** A text of at most `width` columns: a longer one ends in `…`. No character is cut in two. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let [cut, taken] = ['', 0];
  for (const { segment } of letters.segment(text)) {
    taken += widthOf(segment);
    if (taken > width - 1) break;
    cut += segment;
  }
  return width < 1 ? '' : `${cut}…`;
}

/** The same, with its end instead of its beginning: `…-2`. */
export function cutStartTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let [cut, taken] = ['', 0];
  for (const { segment } of [...letters.segment(text)].reverse()) {
    taken += widthOf(segment);
    if (taken > width - 1) break;
    cut = segment + cut;
  }
  return width < 1 ? '' : `…${cut}`;
}

/** A text with blanks up to a width: behind it, or before it. */
export function padTo(text: string, width: number, right = false): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return right ? blanks + text : text + blanks;
}

/** A text as lines of at most `width` columns, between words where that is possible. A character that is wider is left out. */
export function wrapTo(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text];
  const lines: string[] = [];
  // The line, and what of it comes after its last blank.
  let [line, word] = ['', ''];
  for (const { segment } of letters.segment(text)) {
    const wide = widthOf(segment);
    if (wide > width) continue;
    if (widthOf(line) + wide > width) {
      const isWord = segment !== ' ' && widthOf(word) <= width / 2;
      lines.push(isWord ? line.slice(0, line.length - word.length) : line);
      line = isWord ? word : '';
      word = line;
    }
    line += segment;
    word = segment === ' ' ? '' : word + segment;
  }
  return [...lines, line];
}
