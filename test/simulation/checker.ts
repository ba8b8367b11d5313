import type { History, SessionRecord, ToldGap } from './history.js';

/**
 * Judges a history. What it holds against the bridges:
 *
 * 1. The inbox has no message twice, and has them in the order of the channel.
 * 2. Nobody writes who does not have the lead.
 * 3. A message that a session had, in step, and lived to relay, is in the inbox ({@link keeps} says when).
 * 4. Every other message that is missing lies within a gap that was told.
 * 5. No gap is told where nothing can have been missed.
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
    // Of those that follow each other the first will do.
    if (why && why !== last) wrong.push(`message ${message} is lost, ${why}`);
    last = why ?? '';
  }
  return wrong;
}

/** Why a message that would be before this entry should not be missing; undefined where that is all right. */
function whyNotMissing(history: History, message: number, entry: number): string | undefined {
  if (message < history.begun && !isKnown(history)) return undefined;
  const gap = history.gaps.find((told) => told.entry === entry);
  const keeper = history.sessions.find((session) => keeps(history, session, message));
  if (keeper && !(gap && alsoLacks(history, gap, keeper))) return `though ${keeper.id} had it`;
  return gap || message >= history.passed ? undefined : 'and no gap was told';
}

/**
 * Bridges that all lack something do not know who lacks least: the first to take the lead leaves out what others had.
 * It does not leave out what its own process had, for elder sessions come first.
 */
function alsoLacks(history: History, gap: ToldGap, keeper: SessionRecord): boolean {
  if (nobodyWaits(history, gap)) return true;
  // A seat may be lost to others, who then no longer wait for whoever had it. And who has the lead keeps it, though
  // its buffer was full and another's was not.
  if (keeper.unseated || keeper.shed > 0 || gap.reason === 'the buffer was full') return true;
  if (gap.from) return (keeper.step?.place as number) > history.placeOf(gap.from);
  return keeper.process !== history.sessions.find(({ id }) => id === gap.caller)?.process;
}

/**
 * Where Redis has just forgotten who has the seats, the first to come thinks that it is alone, and does not wait.
 * Where it has just taken nothing, leaders could not beat, all tried for the lead, and any may be the first.
 */
function nobodyWaits({ unsettled, lease }: History, gap: ToldGap): boolean {
  return unsettled.some(({ from, to }) => from < gap.time && to > gap.time - 2 * lease);
}

/**
 * Whether it could be known that there was something before the group began: not where it was the first time, nor
 * where Redis lost everything and a process was first to write that had seen nothing of it.
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

/** Whether the session had the message and could see to it that it is in the inbox. */
function keeps(history: History, session: SessionRecord, message: number): boolean {
  const { step, heard } = session;
  if (!step || message < step.message || message >= heard.message || message < session.shed) return false;
  const published = history.published[message] as number;
  const passed = history.passes.find((pass) => pass.message > message)?.time ?? history.end;
  if (!wasAble(history, session, published, passed)) return false;
  for (const { time, lost, all } of history.losses) {
    if (time < published) continue;
    // What was relayed is kept for a while, and by those only who are not done yet.
    if (session.endedAt !== undefined && session.endedAt <= time) return false;
    if (!lost.has(message)) continue;
    if (all || published < time - history.retain + 1_500) return false;
  }
  return true;
}

/** Whether it lived from one time to the other, and was not kept from acting for long. */
function wasAble(history: History, session: SessionRecord, from: number, to: number): boolean {
  const { diedAt, troubles } = session.process;
  const alive = (until: number | undefined) => until === undefined || until > to;
  const ended = session.endedAt ?? history.end + 1;
  if ((!alive(diedAt) && (diedAt as number) < ended) || !alive(session.abandonedAt)) return false;
  let troubled = 0;
  // Those who had been silent for a while are given up for dead.
  const since = from - history.lease;
  for (const trouble of troubles)
    troubled += Math.max(0, Math.min(trouble.to, to) - Math.max(trouble.from, since));
  return troubled < history.lease / 2;
}

function falseGaps(history: History): string[] {
  const wrong: string[] = [];
  for (const gap of history.gaps)
    if (isFalse(history, gap)) wrong.push(`a false gap is told by ${gap.caller}: ${gap.reason}`);
  return wrong;
}

function isFalse(history: History, gap: ToldGap): boolean {
  const { losses, sessions, inbox, placeOf } = history;
  const teller = sessions.find(({ id }) => id === gap.caller) as SessionRecord;
  const before = losses.filter(({ time }) => time < gap.time);
  if (gap.reason === 'Redis lost its data') return !before.some(({ all }) => all);
  if (gap.reason === 'Redis came back with an older state') return before.length === 0;
  if (gap.reason === 'the buffer was full') return teller.shed === 0;
  if (!gap.from || !teller.step) return false;
  // Nobody need have kept what Redis had and lost.
  if (before.length > 0) return false;
  const next = inbox[gap.entry];
  if (next !== undefined && next > (inbox[gap.entry - 1] ?? -1) + 1) return false;
  if (nobodyWaits(history, gap)) return false;
  let covered = placeOf(gap.from);
  for (let grows = true; grows && covered < teller.step.place; ) {
    grows = false;
    for (const session of sessions) {
      const { step, heard } = session;
      if (!step || step.place > covered || heard.place <= covered || session === teller) continue;
      if (session.shed > 0 || (session.endedAt ?? history.end + 1) < gap.time) continue;
      if (session.unseated || !wasAble(history, session, gap.time - 3 * history.lease, gap.time)) continue;
      covered = heard.place;
      grows = true;
    }
  }
  return covered >= teller.step.place;
}
