/** Levels that are indented: a message may have a hundred thousand. */
const MOST_LEVELS = 40;

/**
 * A text that is JSON as lines, each value in a line of its own. Numbers stay as they were written: one beyond 2^53 would be another
 * one after parsing.
 *
 * @param longest characters of a text that is looked at
 * @param most lines
 * @returns undefined for a text that is no JSON, or too long
 */
export function prettyLines(text: string, longest: number, most: number): string[] | undefined {
  if (text.length > longest || !isJson(text)) return undefined;
  const lines: string[] = [];
  let [level, line] = [0, ''];
  const next = (change: number) => {
    lines.push(line);
    level += change;
    line = '  '.repeat(Math.min(level, MOST_LEVELS));
  };
  for (const [token] of text.matchAll(TOKENS)) {
    if (lines.length >= most) return lines;
    if (token === '{' || token === '[') {
      line += token;
      next(1);
    } else if (token === '}' || token === ']') {
      next(-1);
      line += token;
    } else if (token === ',') {
      line += token;
      next(0);
    } else line += token === ':' ? ': ' : token.replace(/^([[{])\s+/, '$1');
  }
  return [...lines, line];
}

/** Strings, empty objects and arrays, what stands between values, numbers and words. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[[{]\s*[\]}]|[[\]{},:]|[^\s[\]{},:"]+/g;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
