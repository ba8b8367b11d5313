import type { History, RecordedGap, SessionRecord } from './history.js';

/**
 * Judges a history. The rules for the bridges:
 *
 * 1. The inbox has no message twice, and has them in the order of the channel.
 * 2. Only the bridge with the lead writes.
 * 3. A message that a session received after its first mark, and lived to relay, is in the inbox ({@link keeps} says when).
 * 4. Every other missing message lies within a recorded gap, which does not end before it.
 * 5. No gap is recorded if nothing can have been missed.
 * 6. In the end all is at rest.
 */
export function check(history: History): string[] {
  return [
    ...history.unrest.map((what) => `not at rest: ${what}`),
    ...history.usurped,
    ...disorder(history),
    ...missing(history),
    ...falseGaps(history),
  ];
}

function disorder({ inbox }: History): string[] {
  const wrong: string[] = [];
  for (let i = 1; i < inbox.length; i++) {
    const [before, message] = [inbox[i - 1] as number, inbox[i] as number];
    if (message === before) wrong.push(`message ${message} is in the inbox twice`);
    else if (message < before) wrong.push(`message ${message} is in the inbox after ${before}`);
  }
  return wrong;
}

function missing(history: History): string[] {
  const { inbox, published } = history;
  const wrong: string[] = [];
  let entry = 0;
  let last = '';
  for (let message = 0; message < published.length; message++) {
    if (inbox[entry] === message) {
      entry++;
      last = '';
      continue;
    }
    const why = whyNotMissing(history, message, entry);
    // Only the first of several in a row.
    if (why && why !== last) wrong.push(`message ${message} is lost, ${why}`);
    last = why ?? '';
  }
  return wrong;
}

/** Why a message that would be before this entry must not be missing; undefined if it may be. */
function whyNotMissing(history: History, message: number, entry: number): string | undefined {
  if (message < history.begun && !isKnown(history)) return undefined;
  const gaps = history.gaps.filter((recorded) => recorded.entry === entry);
  const [gap] = gaps;
  const keeper = history.sessions.find((session) => keeps(history, session, message));
  if (keeper && !(gap && alsoLacks(history, gap, keeper))) return `though ${keeper.id} had it`;
  if (message >= history.passed) return undefined;
  if (!gap) return 'and no gap was recorded';
  const isAfter = gaps.every(
    ({ until }) => until !== undefined && message >= history.messageAt({ epoch: until, offset: 0 }),
  );
  return isAfter ? 'and the gap ends before it' : undefined;
}

/**
 * Bridges that all lack something do not know which lacks least: the first to take the lead leaves out messages that others
 * had. It does not leave out messages of its own process, because older sessions come first.
 */
function alsoLacks(history: History, gap: RecordedGap, keeper: SessionRecord): boolean {
  if (noBridgeWaits(history, gap)) return true;
  // A bridge may lose its seat to others, which then no longer wait for it. And a leader keeps the lead, though its buffer
  // was full and another's was not.
  if (keeper.unseated || keeper.shed > 0 || gap.reason === 'the buffer was full') return true;
  if (gap.from) return (keeper.step?.place as number) > history.placeOf(gap.from);
  return keeper.process !== history.sessions.find(({ id }) => id === gap.caller)?.process;
}

/**
 * If Redis has just forgotten the seats, the first bridge believes that it is alone, and does not wait. If Redis has just
 * accepted nothing, leaders could not beat, all bridges try to take the lead, and any of them may be first.
 */
function noBridgeWaits({ unsettled, lease }: History, gap: RecordedGap): boolean {
  return unsettled.some(({ from, to }) => from < gap.time && to > gap.time - 2 * lease);
}

/**
 * Whether a bridge could know of messages from before the group began: not at the first start, nor if Redis lost everything
 * and the first process to write had seen nothing of it.
 */
function isKnown(history: History): boolean {
  const loss = history.losses.findLast(({ all }) => all);
  const first = history.sessions.find(({ id }) => id === history.passes[0]?.caller);
  if (!loss || !first) return false;
  return history.sessions.some(
    ({ process, knewAt, endedAt }) =>
      process === first.process && knewAt < loss.time && (endedAt ?? history.end) > loss.time,
  );
}

/** Whether the session had the message and was able to relay it. */
function keeps(history: History, session: SessionRecord, message: number): boolean {
  const { step, heard } = session;
  if (!step || message < step.message || message >= heard.message || message < session.shed) return false;
  const published = history.published[message] as number;
  const passed = history.passes.find((pass) => pass.message > message)?.time ?? history.end;
  if (!wasAble(history, session, published, passed)) return false;
  for (const { time, lost, all } of history.losses) {
    if (time < published) continue;
    // Relayed messages are kept for a while, and only by sessions that have not ended.
    if (session.endedAt !== undefined && session.endedAt <= time) return false;
    if (!lost.has(message)) continue;
    if (all || published < time - history.retain + 1_500) return false;
  }
  return true;
}

/** Whether it lived from one time to the other, and was never prevented from acting for long. */
function wasAble(history: History, session: SessionRecord, from: number, to: number): boolean {
  const { diedAt, troubles } = session.process;
  const alive = (until: number | undefined) => until === undefined || until > to;
  const ended = session.endedAt ?? history.end + 1;
  if ((!alive(diedAt) && (diedAt as number) < ended) || !alive(session.abandonedAt)) return false;
  let troubled = 0;
  // Bridges that were silent for a while count as dead.
  const since = from - history.lease;
  for (const trouble of troubles)
    troubled += Math.max(0, Math.min(trouble.to, to) - Math.max(trouble.from, since));
  return troubled < history.lease / 2;
}

function falseGaps(history: History): string[] {
  const wrong: string[] = [];
  for (const gap of history.gaps)
    if (isFalse(history, gap)) wrong.push(`a false gap is recorded by ${gap.caller}: ${gap.reason}`);
  return wrong;
}

function isFalse(history: History, gap: RecordedGap): boolean {
  const { losses, sessions, inbox, placeOf } = history;
  const author = sessions.find(({ id }) => id === gap.caller) as SessionRecord;
  const before = losses.filter(({ time }) => time < gap.time);
  if (gap.reason === 'Redis lost its data') return !before.some(({ all }) => all);
  if (gap.reason === 'Redis came back with an older state') return before.length === 0;
  if (gap.reason === 'the buffer was full') return author.shed === 0;
  if (!gap.from || !author.step) return false;
  // No bridge has to keep what Redis had and lost.
  if (before.length > 0) return false;
  const next = inbox[gap.entry];
  if (next !== undefined && next > (inbox[gap.entry - 1] ?? -1) + 1) return false;
  if (noBridgeWaits(history, gap)) return false;
  let covered = placeOf(gap.from);
  for (let grows = true; grows && covered < author.step.place; ) {
    grows = false;
    for (const session of sessions) {
      const { step, heard } = session;
      if (!step || step.place > covered || heard.place <= covered || session === author) continue;
      if (session.shed > 0 || (session.endedAt ?? history.end + 1) < gap.time) continue;
      if (session.unseated || !wasAble(history, session, gap.time - 3 * history.lease, gap.time)) continue;
      covered = heard.place;
      grows = true;
    }
  }
  return covered >= author.step.place;
}
