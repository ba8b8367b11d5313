import { eastAsianWidth } from 'get-east-asian-width';

// string-width takes longer to load than Node itself: it prepares for all sequences of emoji. This is enough for tables.

const ASCII = /^[\x20-\x7e]*$/;
let letters: Intl.Segmenter | undefined;

/** What a reader takes for one character: a letter with its accents, a family of emoji. */
function charactersOf(text: string): string[] {
  letters ??= new Intl.Segmenter('en');
  return Array.from(letters.segment(text), ({ segment }) => segment);
}

/** The columns of a terminal that a text takes: two for a Chinese character, none for a combining accent. */
export function widthOf(text: string): number {
  // As most texts are: what Unicode says of the others takes Node some ms to load.
  if (ASCII.test(text)) return text.length;
  return charactersOf(text).reduce((sum, character) => sum + widthOfCharacter(character), 0);
}

function widthOfCharacter(character: string): number {
  const [first = '', ...joined] = character;
  if (
    /[\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Default_Ignorable_Code_Point}\p{Format}\p{Control}\p{Surrogate}]/u.test(
      first,
    )
  )
    return 0;
  // U+FE0F asks for the picture where there is a letter too.
  if (/\p{Emoji_Presentation}|\uFE0F/u.test(character)) return 2;
  const beside = joined.filter((mark) => /\p{Spacing_Mark}|[\uFF9E\uFF9F]/u.test(mark));
  return eastAsianWidth(first.codePointAt(0) ?? 0) + beside.length;
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

/** A text of at most `width` columns: a longer one ends in `…`. No character is cut in two. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let [cut, taken] = ['', 0];
  for (const character of charactersOf(text)) {
    taken += widthOf(character);
    if (taken > width - 1) break;
    cut += character;
  }
  return width < 1 ? '' : `${cut}…`;
}

/** The same, with its end instead of its beginning: `…-2`. */
export function cutStartTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let [cut, taken] = ['', 0];
  for (const character of charactersOf(text).reverse()) {
    taken += widthOf(character);
    if (taken > width - 1) break;
    cut = character + cut;
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
  // The line, and what of it comes after its last blank, with their widths: to measure them anew each time would take long.
  let [line, word, lineWidth, wordWidth] = ['', '', 0, 0];
  for (const character of charactersOf(text)) {
    const wide = widthOf(character);
    if (wide > width) continue;
    if (lineWidth + wide > width) {
      const isWord = character !== ' ' && wordWidth <= width / 2;
      lines.push(isWord ? line.slice(0, line.length - word.length) : line);
      [line, lineWidth] = isWord ? [word, wordWidth] : ['', 0];
      [word, wordWidth] = [line, lineWidth];
    }
    line += character;
    lineWidth += wide;
    [word, wordWidth] = character === ' ' ? ['', 0] : [word + character, wordWidth + wide];
  }
  return [...lines, line];
}
