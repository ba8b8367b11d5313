import stringWidth from 'string-width';

/** The columns of a terminal that a text takes: two for a Chinese character, none for a combining accent. */
export function widthOf(text: string): number {
  return stringWidth(text);
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
