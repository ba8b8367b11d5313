import {
  type Author,
  type Control,
  type ControlChange,
  type ControlEvent,
  type ControlStore,
  checkChange,
  isNamed,
  KEPT_EVENTS,
  type ProcessEnd,
  type ProcessReport,
  type ProcessStatus,
} from '../core/control.js';
import { CgroupError } from '../core/errors.js';
import { timeOfId } from '../core/stream-id.js';
import { type ForeignValue, integerOf, LATEST_TIME } from './foreign.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { mapOf } from './reading.js';
import { change, control, liveAmong } from './scripts/control.js';

/** Characters of who and why that are kept. */
const LONGEST = 500;
/** Drained processes that are looked for in one change: as many as can be drained. */
const MOST_ENDED = 1_000;

/** One script for each method that changes something; the head of its Lua says what is atomic. */
export class RedisControlStore implements ControlStore {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #registry: Connection;

  /** @param registry the connection for the keys of the processes (see `openRegistry`) */
  constructor(connection: Connection, keys: Keys, registry = connection) {
    this.#connection = connection;
    this.#keys = keys;
    this.#registry = registry;
  }

  async read(): Promise<Control> {
    return (await this.#connection.run(control, this.#keys, {})).control;
  }

  async change(wanted: ControlChange, author: Author, expected?: number): Promise<Control> {
    checkChange(wanted);
    const { size, paused, autoscale, drained } = wanted;
    const known = await this.#processesFor(drained);
    const options = { size, paused, autoscale, drained, ...known, ...textsOf(author), expected };
    const { control: now, refused } = await this.#connection.run(change, this.#keys, options);
    if (!refused) return now;
    const made = refused.what ? `: ${refused.what}, by ${refused.who} at ${dateOf(refused.eventId)}` : '';
    throw new CgroupError(
      'STALE',
      `another change came first${made} (revision ${now.revision}, not ${expected}); nothing was changed: ` +
        'look at the control as it is now, and try again',
    );
  }

  async setSize(
    size: number,
    author: Author,
    { token, expected }: { token: number; expected: number },
  ): Promise<boolean> {
    checkChange({ size });
    const options = { size, ...(await this.#processesFor()), ...textsOf(author), expected, token };
    return (await this.#connection.run(change, this.#keys, options)).refused === undefined;
  }

  /** What a change has to know of the processes: which of the names are some, and which drained ones have ended. */
  async #processesFor(names: readonly string[] = []) {
    const { drainedProcesses } = await this.#connection.run(control, this.#keys, {});
    const drained = drainedProcesses.slice(0, MOST_ENDED);
    const asked = [...new Set([...names, ...drained])];
    if (asked.length === 0) return { processes: [], ended: [] };
    const live = new Set(await this.#registry.run(liveAmong, this.#keys, { names: asked }));
    return {
      processes: names.filter((name) => live.has(name)),
      ended: drained.filter((name) => !live.has(name)),
    };
  }

  async events(): Promise<ControlEvent[]> {
    return (await readEvents(this.#connection, this.#keys)).events;
  }

  async processes(): Promise<ProcessStatus[]> {
    return (await this.readAll()).processes;
  }

  async ends(most: number): Promise<ProcessEnd[]> {
    const reply = await this.#connection.call('XREVRANGE', this.#keys.ended, '+', '-', 'COUNT', most);
    return (reply as [string, string[]][]).flatMap(([id, flat]) => {
      const fields = mapOf(flat);
      const [process, host] = [fields.get('process'), fields.get('host')];
      // What another program wrote is passed over.
      return process === undefined || host === undefined ? [] : [{ at: dateOf(id), id: process, host }];
    });
  }

  readAll(): Promise<ControlAndProcesses> {
    return readControlAndProcesses(this.#connection, this.#keys, this.#registry);
  }
}

interface ControlAndProcesses {
  readonly control: Control;
  /** Fields of the control that another program wrote or removed. */
  readonly foreign: readonly string[];
  /** The drained names that are ids of processes; the others are hosts. */
  readonly drainedProcesses: readonly string[];
  readonly processes: ProcessStatus[];
}

export async function readControlAndProcesses(
  connection: Connection,
  keys: Keys,
  registry: Connection,
): Promise<ControlAndProcesses> {
  const [{ control: found, foreign, drainedProcesses }, { processes }] = await Promise.all([
    connection.run(control, keys, {}),
    readProcesses(registry, keys),
  ]);
  const isDrained = (one: Omit<ProcessStatus, 'drained'>) => found.drained.some((name) => isNamed(name, one));
  return {
    control: found,
    foreign,
    drainedProcesses,
    processes: processes.map((one) => ({ ...one, drained: isDrained(one) })),
  };
}

/** The last changes, oldest first, and the entries that the group did not write. */
export async function readEvents(
  connection: Connection,
  { events: key }: Pick<Keys, 'events'>,
): Promise<{ events: ControlEvent[]; foreign: ForeignValue[] }> {
  const reply = await connection.call('XREVRANGE', key, '+', '-', 'COUNT', KEPT_EVENTS);
  const events: ControlEvent[] = [];
  const foreign: ForeignValue[] = [];
  for (const [id, flat] of (reply as [string, string[]][]).reverse()) {
    const fields = mapOf(flat);
    const [revision, who, why, what] = [
      integerOf(fields.get('revision')),
      ...['who', 'why', 'what'].map((name) => fields.get(name)),
    ] as const;
    const at = timeOfId(id);
    if (revision === undefined || who === undefined || what === undefined || at > LATEST_TIME)
      foreign.push({ key, field: id });
    else {
      const paused = isPaused(fields.get('state'));
      events.push({ at: new Date(at).toISOString(), revision, who, why: why ?? '', what, paused });
    }
  }
  return { events, foreign };
}

/** Whether the state in an event says that the group is paused. */
function isPaused(state: string | undefined): boolean {
  try {
    return Object(JSON.parse(state ?? '')).paused === '1';
  } catch {
    // Another program wrote it: the scripts pass over this state too.
    return false;
  }
}

/** The live processes of an output, and the records of all processes that the group did not write. */
export async function readProcesses(
  registry: Connection,
  { processes: key, output }: Pick<Keys, 'processes' | 'output'>,
): Promise<{ processes: Omit<ProcessStatus, 'drained'>[]; foreign: ForeignValue[] }> {
  const records = mapOf((await registry.call('HGETALL', key)) as string[]);
  const processes: Omit<ProcessStatus, 'drained'>[] = [];
  const foreign: ForeignValue[] = [];
  for (const [id, text] of records) {
    const found = recordIn(text);
    if (found?.id !== id) foreign.push({ key, field: id });
    else if (found.output === output) processes.push(found.process);
  }
  processes.sort((a, b) => (a.host < b.host ? -1 : a.host > b.host ? 1 : a.id < b.id ? -1 : 1));
  return { processes, foreign };
}

/** What beat.lua keeps of a process; undefined for any other text. */
function recordIn(
  text: string,
): { id: string; output: string; process: Omit<ProcessStatus, 'drained'> } | undefined {
  let record: {
    at?: unknown;
    share?: unknown;
    packSize?: unknown;
    report?: Partial<Record<keyof ProcessReport | 'output', unknown>>;
  };
  try {
    record = Object(JSON.parse(text));
  } catch {
    return undefined;
  }
  const { at, share, packSize, report } = record;
  const { id, host, pid, managed, capacity, consumers, settled, busyMs, stalled, workers, pulls, output } =
    Object(report);
  const { failed, version, uptimeMs, heartbeat, bridges, recordAway } = Object(report);
  const texts = [id, host, output, version ?? ''].every((value) => typeof value === 'string');
  const optional = [stalled, packSize, workers, share, failed, uptimeMs, heartbeat, bridges].filter(isThere);
  const numbers = [at, pid, capacity, consumers, settled, busyMs, ...optional].every(
    (value) => typeof value === 'number' && value >= 0,
  );
  if (!texts || !numbers || typeof managed !== 'boolean') return undefined;
  const counted = {
    ...(stalled !== undefined && { stalled }),
    ...(typeof packSize === 'number' && { packSize }),
    ...(workers !== undefined && { workers }),
    ...(pulls === true && { pulls }),
    ...(recordAway === true && { recordAway }),
    ...Object.fromEntries(
      Object.entries({ failed, version, uptimeMs, heartbeat, bridges }).filter(([, one]) => isThere(one)),
    ),
  };
  const process = { id, host, pid, managed, capacity, consumers, settled, busyMs, ...counted };
  return {
    id,
    output,
    process: { ...process, beatAt: Number(at), share: managed ? (share as number | undefined) : undefined },
  };
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Shown on terminals and in logs: without control characters, and not endless. */
function textsOf({ who, why }: Author): Author {
  const clean = (text: string) => text.slice(0, LONGEST).replace(/\p{C}+/gu, ' ');
  return { who: clean(who), why: clean(why) };
}

function dateOf(id: string): string {
  return new Date(Math.min(timeOfId(id), LATEST_TIME)).toISOString();
}
