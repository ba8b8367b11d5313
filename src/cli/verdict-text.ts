import { isPartial } from '../core/away-lanes.js';
import { printable } from '../log/printable.js';
import type { GroupClient } from '../observe/client.js';
import type { GroupStatus } from '../observe/status.js';
import { verdictOf } from '../observe/verdict.js';
import type { GroupVerdict, News } from '../observe/verdict-input.js';
import { PLAIN, type TextTone } from './display.js';
import { wrapped } from './width.js';

/** ms: what is newer is news to one who looks once. */
const WINDOW = 3_600_000;
/** Dead letters that are counted. */
const MOST_COUNTED = 1_000;

/** How a group is, as far as one reading tells: nothing of what changes. News are those of the last hour. */
export async function verdictNow(
  { deadLetters }: Pick<GroupClient, 'deadLetters'>,
  status: GroupStatus,
): Promise<GroupVerdict> {
  const dead =
    status.deadLetters > 0 && !isPartial(status)
      ? (await deadLetters.select({ since: '1h', limit: MOST_COUNTED })).length
      : 0;
  const now = Date.parse(status.time);
  const gaps = status.gaps.filter(({ to }) => now - Date.parse(to) < WINDOW).length;
  const news: News = { dead, gaps, lost: 0, dropped: 0, since: 'in the last hour' };
  return verdictOf({ reading: { ...status, consumerCount: status.consumers.length }, news });
}

/** The colour of a headline: green, yellow, red, or grey for a group that is paused or not known. */
export function toneOfVerdict({ state, level }: Pick<GroupVerdict, 'state' | 'level'>): TextTone {
  if (state === 'paused' || state === 'unknown') return 'dim';
  if (state === 'failing' || state === 'halted' || state === 'stopped') return 'bad';
  if (state === 'degraded' || state === 'falling-behind') return 'warn';
  return level;
}

/** The headline, and the notes below it. */
export function verdictText(verdict: GroupVerdict, display = PLAIN): string {
  const { title, notes } = verdict;
  const tone = toneOfVerdict(verdict);
  const head = wrapped(printable(title), display.width).map((line) => display.paint(tone, line));
  const lines = notes.map((note) => `- ${wrapped(printable(note), display.width - 2).join('\n  ')}`);
  return [...head, ...lines].join('\n');
}
