import type { EndedProcess } from '../core/control.js';
import { lacksWorkers, stalledOf } from '../core/sizes.js';
import { aboutText, numberText, plural } from '../core/words.js';
import type { GroupVerdict, VerdictInput, VerdictReading } from './verdict-input.js';

/** One thing that is not well with a group. */
export interface VerdictFinding extends Pick<GroupVerdict, 'state' | 'level' | 'title'> {
  readonly since?: string | null;
  /** What belongs to it. */
  readonly notes?: readonly string[];
}

/** ms: an older message is late. */
const LATE = 10_000;
/** ms: a group whose oldest message is older does not keep up yet. */
const CATCHING_UP = 3_000;
/** Share and number of attempts that failed in a minute, from which a group is failing, and badly. */
const FAILING = { share: 0.05, least: 5, badly: 0.5 };
/** ms for which a process that ended without leaving is shown. */
const TOLD = 300_000;
/** s for which the memory must last to be no part of the headline. */
const SOON = 3_600;
/** Characters of a key in a sentence, and names in one. */
const KEY_WIDTH = 60;
const MOST_NAMED = 3;

const cannot = 'the processor cannot be started or reached';

/** All that is not well, the worst first. */
export function findingsOf(reading: VerdictReading, input: VerdictInput): VerdictFinding[] {
  return [
    unrelayed(reading),
    paused(reading),
    unprocessed(reading),
    unrecorded(reading),
    failing(input),
    halted(reading),
    falling(reading, input),
    ...late(reading, input),
    ...missing(reading, input),
    ...stuck(reading),
  ].flatMap((one) => one ?? []);
}

function unrelayed({ source, leader, processes }: VerdictReading): VerdictFinding | undefined {
  if (source.kind === 'channel')
    return leader === null ? stopped('Nothing is relayed: no bridge leads') : undefined;
  return processes.some(({ pulls }) => pulls)
    ? undefined
    : stopped(`Nothing is taken from the ${source.kind}: no process does`);
}

function paused({ control }: VerdictReading): VerdictFinding | undefined {
  if (!control.paused) return undefined;
  const { pausedBy: by } = control;
  const since = by?.at ?? null;
  const title = by
    ? `Paused by ${by.who} since ${by.at.replace(/\.\d+Z$/, 'Z')}${by.why === '' ? '' : `: ${by.why}`}`
    : 'Paused';
  return { state: 'paused', level: 'warn', title, since };
}

function unprocessed({ consumerCount, processes, control }: VerdictReading): VerdictFinding | undefined {
  if (consumerCount === 0) {
    if (lacksWorkers(processes)) return stopped('Nothing is processed: no worker is connected');
    if (control.size === 0) return stopped('Nothing is processed: 0 consumers are wanted');
    return stopped('Nothing is processed: there are no consumers');
  }
  const stalled = stalledOf(processes).reduce((sum, one) => sum + one.stalled, 0);
  return stalled > 0 && stalled >= consumerCount
    ? { state: 'failing', level: 'bad', title: `Nothing is processed: ${cannot}` }
    : undefined;
}

function stopped(title: string): VerdictFinding {
  return { state: 'stopped', level: 'bad', title };
}

function unrecorded({ processes }: VerdictReading): VerdictFinding | undefined {
  const away = processes.filter(({ recordAway }) => recordAway);
  if (away.length === 0) return undefined;
  const title = `Nothing is written to the system of record of ${namesOf(away)}: its log says why`;
  return { state: 'failing', level: 'bad', title };
}

function failing({ trend }: VerdictInput): VerdictFinding | undefined {
  if (!trend || trend.failing60 === null) return undefined;
  const { failing60: share, failures60: failures } = trend;
  const all = share === 1 && failures >= 2;
  if (!all && (failures < FAILING.least || share < FAILING.share)) return undefined;
  const title = `Failing: ${percent(share)} of the attempts of the last ${aboutText(trend.seconds * 1_000)} failed`;
  return { state: 'failing', level: share >= FAILING.badly ? 'bad' : 'warn', title };
}

function percent(share: number): string {
  return `${share > 0.99 && share < 1 ? 99 : Math.round(share * 100)} %`;
}

function halted({ haltedCount, halted: known = [] }: VerdictReading): VerdictFinding | undefined {
  if (haltedCount === 0) return undefined;
  const byKey = known.length > 0 && known.every(({ key }) => key !== null);
  return {
    state: 'halted',
    level: 'warn',
    title: byKey
      ? `Halted: the messages of ${plural(haltedCount, 'key')} wait`
      : 'Halted: results wait for a dead letter',
    notes: [`${plural(haltedCount, 'message')} halted: cgroup dead retry ID, or cgroup dead skip ID`],
  };
}

function falling(reading: VerdictReading, { trend, memoryLimit }: VerdictInput): VerdictFinding | undefined {
  const falls = trend?.fallingBehind;
  if (!trend || !falls || reading.control.paused || reading.consumerCount === 0) return undefined;
  const { memoryLasts } = trend;
  const lasts = memoryLasts === null ? undefined : aboutText(memoryLasts * 1_000);
  const soon = memoryLasts !== null && memoryLasts < SOON;
  const notes = [
    `in ${numberText(trend.in5)}, out ${numberText(trend.out5)} messages per second; ${numberText(waits(reading))} wait, the oldest is ${aboutText(reading.lagMs)} old`,
    ...(lasts === undefined || memoryLasts === null || memoryLasts > 86_400
      ? []
      : [
          `at this growth the memory of Redis${memoryLimit === undefined ? '' : `, ${memoryLimit},`} is full in about ${lasts}`,
        ]),
  ];
  return {
    state: 'falling-behind',
    level: soon || reading.lagMs > LATE ? 'bad' : 'warn',
    title: `Falling behind by ${numberText(falls.by)} messages per second${soon ? `: Redis is full in about ${lasts}` : ''}`,
    since: falls.since,
    notes,
  };
}

/** Messages that are not settled, here or at their source. */
function waits({ backlog, source }: VerdictReading): number {
  return backlog + (source.waiting ?? 0);
}

function late(reading: VerdictReading, { trend }: VerdictInput): VerdictFinding[] {
  const { lagMs, waiting, backlog, retrying, retries, control, haltedCount } = reading;
  const found: VerdictFinding[] = [];
  const left = trend && trend.growth5 < 0 ? waits(reading) / -trend.growth5 : undefined;
  if (lagMs > CATCHING_UP && lagMs <= LATE && waiting > 0 && left !== undefined && !trend?.fallingBehind)
    found.push({ state: 'behind', level: 'good', title: catchingUp(reading, left) });
  if (Math.min(lagMs, trend?.leastLag5 ?? lagMs) > LATE && !control.paused && !trend?.fallingBehind) {
    const oldest = aboutText(lagMs);
    if (waiting > 0) {
      found.push(
        left === undefined
          ? { state: 'behind', level: 'bad', title: `Behind: the oldest message is ${oldest} old` }
          : { state: 'behind', level: 'warn', title: catchingUp(reading, left) },
      );
    } else if (backlog > retrying && haltedCount === 0)
      found.push({
        state: 'behind',
        level: 'warn',
        title: `Slow or stuck: a message has been in work for up to ${oldest}`,
      });
  }
  const overdue = -(retries.dueMs ?? 0);
  if (overdue > LATE && !control.paused)
    found.push({
      state: 'behind',
      level: 'warn',
      title: `Late: a message should have been tried again ${aboutText(overdue)} ago`,
    });
  return found;
}

/** @param left s */
function catchingUp(reading: VerdictReading, left: number): string {
  return `Catching up: ${numberText(waits(reading))} messages wait, done in about ${aboutText(left * 1_000)}`;
}

/** What the group has less of than it should. */
function missing(reading: VerdictReading, { vanished = [] }: VerdictInput): VerdictFinding[] {
  const { time, source, leader, bridges, processes, ended = [], control, consumerCount } = reading;
  const found: string[] = [];
  const now = Date.parse(time);
  const recent = ended.filter(({ at }) => now - Date.parse(at) < TOLD);
  const lost = new Map([...recent, ...vanished].map((one) => [one.id, one]));
  const [last] = [...lost.values()].sort((a, b) => (a.at < b.at ? 1 : -1));
  if (last)
    found.push(
      `${plural(lost.size, 'process', 'processes')} ended without leaving, the last ${aboutText(Math.max(0, now - Date.parse(last.at)))} ago: ${namesOf([...lost.values()])}`,
    );
  const silent = processes.filter((one) => one.silent);
  if (silent.length > 0)
    found.push(`${plural(silent.length, 'process', 'processes')} silent: no heartbeat of ${namesOf(silent)}`);
  const wanted = Math.max(0, ...processes.map((one) => one.bridges ?? 0));
  if (source.kind === 'channel' && leader !== null && wanted >= 2 && bridges.length < 2)
    found.push('No spare bridge: if the one that leads ends, messages are missed. Start a second process');
  if (consumerCount > 0 && lacksWorkers(processes)) found.push('No worker is connected');
  const stalled = stalledOf(processes);
  if (stalled.length > 0 && stalled.reduce((sum, one) => sum + one.stalled, 0) < consumerCount)
    found.push(`${capital(cannot)} by ${namesOf(stalled)}`);
  const { wanted: consumers, capacity, hosts } = control;
  if (capacity < consumers)
    found.push(
      `${numberText(consumers)} consumers wanted, capacity ${numberText(capacity)} on ${plural(hosts, 'host')}`,
    );
  return found.map((title) => ({ state: 'degraded', level: 'warn', title }));
}

/** What waits for one message for long: results, or the messages of a key. */
function stuck({ order: { head, parked, stuck: key } }: VerdictReading): VerdictFinding[] {
  const found: string[] = [];
  if (head && head.ageMs > LATE)
    found.push(`${plural(parked, 'result waits', 'results wait')} for message ${messageText(head)}`);
  if (key)
    found.push(
      `${plural(key.held, 'message')} of the key ${cut(key.key)} ${key.held === 1 ? 'waits' : 'wait'} for message ${messageText(key)}`,
    );
  return found.map((title) => ({ state: 'behind', level: 'warn', title }));
}

function messageText(message: {
  readonly inboxId: string;
  readonly ageMs: number;
  readonly consumerId?: string | null;
  readonly attempt?: number;
}): string {
  const { inboxId, ageMs, consumerId, attempt = 0 } = message;
  const holder = consumerId ? `: ${consumerId} has it, attempt ${attempt}` : '';
  return `${inboxId}, for ${aboutText(ageMs)}${holder}`;
}

function namesOf(processes: readonly Pick<EndedProcess, 'id'>[]): string {
  const rest = processes.length - MOST_NAMED;
  const shown = processes.slice(0, MOST_NAMED).map(({ id }) => id);
  return `${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function cut(key: string): string {
  return key.length > KEY_WIDTH ? `${key.slice(0, KEY_WIDTH)}…` : key;
}

function capital(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}`;
}
