import { count, counted, duration, when } from './format.js';
import { orderNotes } from './order.js';

/** ms: an older message means that the group does not keep up. */
const LATE = 10_000;
/** ms for which a gap is shown in the verdict. */
const RECENT = 3_600_000;

/**
 * Whether the group keeps up, in a few words: the headline of the page.
 *
 * @param status as /api/status gives it
 * @returns {{ level: 'good' | 'warn' | 'bad', title: string, notes: string[] }}
 */
export function verdict(status) {
  const { counters, lagMs, waiting, backlog, retrying, leader, source, consumers, control, processes } =
    status;
  const notes = [];
  if (retrying > 0) notes.push(`${counted(retrying, 'message')} failed and will be tried again`);
  if (status.deadLetters > 0) notes.push(`${counted(status.deadLetters, 'dead letter')} to look at`);
  if (status.haltedCount > 0)
    notes.push(
      `${counted(status.haltedCount, 'message')} halted: the order waits; cgroup dead retry ID, or cgroup dead skip ID`,
    );
  const now = Date.parse(status.time);
  const gaps = status.gaps.filter((gap) => now - Date.parse(gap.to) < RECENT).length;
  if (gaps > 0) notes.push(`${counted(gaps, 'gap')} in the last hour: messages may have been missed`);
  if (counters.lost > 0)
    notes.push(`${counted(counters.lost, 'message')} deleted from the inbox by another program`);
  if (status.foreign.length > 0)
    notes.push(
      `${counted(status.foreign.length, 'foreign value')} in the keys of the group: see cgroup doctor`,
    );
  if (counters.dropped > 0)
    notes.push(`${counted(counters.dropped, 'message')} dropped: the buffer of a bridge was full`);

  notes.push(...orderNotes(status.order));

  const { wanted, capacity, hosts } = control;
  if (capacity < wanted)
    notes.push(`${count(wanted)} consumers wanted, capacity ${count(capacity)} on ${counted(hosts, 'host')}`);

  const remote = processes.filter((one) => typeof one.workers === 'number');
  const lacksWorkers = remote.length > 0 && remote.every((one) => one.workers === 0);
  if (lacksWorkers && consumers.length > 0) notes.push('no worker is connected');

  const stalled = processes.filter((one) => one.stalled > 0 && one.stalled >= one.consumers);
  const allStalled =
    stalled.length > 0 && stalled.reduce((sum, one) => sum + one.stalled, 0) >= consumers.length;
  const cannot = 'the processor cannot be started or reached';
  if (stalled.length > 0 && !allStalled)
    notes.push(`${cannot} by ${stalled.map((one) => one.id).join(', ')}`);

  if (source.kind === 'channel' && leader === null)
    return { level: 'bad', title: 'Nothing is relayed: no bridge leads', notes };
  if (source.kind !== 'channel' && !processes.some(({ pulls }) => pulls))
    return { level: 'bad', title: `Nothing is taken from the ${source.kind}: no process does`, notes };
  if (control.paused) return { level: 'warn', title: pausedTitle(control.pausedBy), notes };
  if (lacksWorkers && consumers.length === 0)
    return { level: 'bad', title: 'Nothing is processed: no worker is connected', notes };
  if (consumers.length === 0)
    return { level: 'bad', title: 'Nothing is processed: there are no consumers', notes };
  if (allStalled) return { level: 'bad', title: `Nothing is processed: ${cannot}`, notes };
  if (lagMs > LATE && waiting > 0)
    return { level: 'bad', title: `Not keeping up: the oldest message is ${duration(lagMs)} old`, notes };
  if (lagMs > LATE && backlog > retrying)
    return {
      level: 'warn',
      title: `Slow or stuck: a message has been pending for up to ${duration(lagMs)}`,
      notes,
    };
  if (status.haltedCount > 0)
    return {
      level: 'warn',
      title:
        status.halted.length > 0 && status.halted.every((one) => one.key !== null)
          ? `Halted: the messages of ${counted(status.haltedCount, 'key')} wait`
          : 'Halted: results wait for a dead letter',
      notes,
    };
  return { level: gaps > 0 || counters.lost > 0 ? 'warn' : 'good', title: 'Keeping up', notes };
}

/** @param {{ who: string, why: string, at: string } | null} by */
function pausedTitle(by) {
  if (by === null) return 'Paused';
  return `Paused by ${by.who} since ${when(by.at)}${by.why === '' ? '' : `: ${by.why}`}`;
}
