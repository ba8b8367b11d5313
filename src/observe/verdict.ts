import { aboutText, numberText, plural } from '../core/words.js';
import { findingsOf } from './verdict-findings.js';
import type { GroupVerdict, VerdictInput, VerdictReading } from './verdict-input.js';

/** ms */
const FRESH_FOR = 3_000;

/** Says how a group is. Pure: all that is shown anywhere about the state of a group comes from here. */
export function verdictOf(input: VerdictInput): GroupVerdict {
  const { reading, age = 0, freshFor = FRESH_FOR } = input;
  if (!reading || age > freshFor) return unknownVerdict(input);
  const [first, ...rest] = findingsOf(reading, input);
  const others = [...rest.map(({ title }) => title), ...hintsOf(reading, input)];
  if (!first) return { ...healthy(reading, input), notes: others, since: null };
  const { state, level, title, since = null, notes = [] } = first;
  return { state, level, title, notes: [...notes, ...others], since };
}

function unknownVerdict(input: VerdictInput): GroupVerdict {
  const { reading, age = 0, failure = 'the group does not answer' } = input;
  const head = { state: 'unknown', level: 'unknown' } as const;
  if (!reading)
    return { ...head, title: `Unknown: ${failure}`, notes: ['the group was never read'], since: null };
  const { state, title, notes } = verdictOf({ ...input, age: 0 });
  const last = state === 'healthy' ? 'nothing was wrong' : title;
  return {
    ...head,
    title: `Unknown since ${timeText(reading.time)}: ${failure}`,
    notes: [`at the last reading, ${aboutText(age)} ago: ${last}`, ...notes],
    since: reading.time,
  };
}

/** One reading cannot tell whether a group keeps up. */
function healthy(
  { backlog, waiting, lagMs }: VerdictReading,
  { trend, isSettled, news }: VerdictInput,
): Pick<GroupVerdict, 'state' | 'level' | 'title'> {
  const missed = news !== undefined && news.gaps + news.lost + news.dropped > 0;
  const head = { state: 'healthy', level: missed ? 'warn' : 'good' } as const;
  if (trend && isSettled) return { ...head, title: 'Keeping up' };
  if (backlog === 0) return { ...head, title: 'At rest: no message waits' };
  const oldest = `the oldest message is ${aboutText(lagMs)} old`;
  return {
    ...head,
    title: lagMs === 0 ? 'At work: no message waits' : `At work: ${oldest}, ${numberText(waiting)} wait`,
  };
}

/** What needs no headline. */
function hintsOf({ retrying, retries, foreign }: VerdictReading, { news }: VerdictInput): string[] {
  const hints: string[] = [];
  if (news) {
    const { since } = news;
    if (news.gaps > 0) hints.push(`${plural(news.gaps, 'gap')} ${since}: messages may have been missed`);
    if (news.lost > 0)
      hints.push(`${plural(news.lost, 'message')} deleted from the inbox by another program ${since}`);
    if (news.dropped > 0)
      hints.push(`${plural(news.dropped, 'message')} dropped ${since}: the buffer of a bridge was full`);
    if (news.dead > 0) hints.push(`${plural(news.dead, 'new dead letter')} ${since}`);
  }
  if (retrying > 0)
    hints.push(
      `${plural(retrying, 'message')} failed and will be tried again, the oldest ${aboutText(retries.ageMs)} old`,
    );
  const foreigners = foreign.length;
  if (foreigners > 0)
    hints.push(`${plural(foreigners, 'foreign value')} in the keys of the group: see cgroup doctor`);
  return hints;
}

/** `12:00:03Z` of an ISO time. */
function timeText(iso: string): string {
  return `${iso.slice(11, 19)}Z`;
}

/** Follows a group, and knows since when it is as it is. */
export class VerdictWatch {
  #last: GroupVerdict | undefined;

  /** The verdict, and since when; the time of the reading in which the state was seen first, if the state does not say. */
  next(input: VerdictInput): GroupVerdict {
    const verdict = verdictOf(input);
    const same = this.#last?.state === verdict.state ? this.#last.since : null;
    const since = verdict.since ?? same ?? input.reading?.time ?? null;
    this.#last = { ...verdict, since };
    return this.#last;
  }
}
