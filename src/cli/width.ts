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
