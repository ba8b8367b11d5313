import type { AutoscaleRule, Control, EndedProcess, Orders } from '../../core/control.js';
import type { Beat } from '../../core/registry.js';
import { integerOf } from '../foreign.js';
import { defineScript, packOptions } from '../protocol/script.js';
import { mapOf } from '../reading.js';

// What each is for: the interfaces in core/registry.ts and core/control.ts. What is atomic: the head of its Lua.

/** The control as a heartbeat finds it. */
export interface RestoredControl {
  readonly control: Control;
  /** The fields that another program had written or removed. */
  readonly healed: readonly string[];
  /** Texts of the control, as the script of the heartbeat takes them. */
  readonly texts: { readonly size: string; readonly drained: string };
}

export const restoreControl = defineScript({
  name: 'restore-control',
  keys: ['control', 'events'],
  encode: packOptions<{ process: string }>,
  decode: ([found, healed]: [string[], string[]]): RestoredControl => {
    const texts = mapOf(found);
    const { size = '', drained = '{}' } = Object.fromEntries(texts);
    return { control: controlOf(found), healed, texts: { size, drained } };
  },
});

export const beat = defineScript({
  name: 'beat',
  keys: ['consumerList', 'heartbeats', 'members', 'processes'],
  encode: packOptions<{
    silence: number;
    output: string;
    process: string;
    report: string | undefined;
    packSize: number | undefined;
    member: string;
    lanes: number;
    beating: readonly string[];
    leaving: readonly string[];
    size?: string;
    drained?: string;
  }>,
  decode: ([live, dead, packSize, silent, lanes, share]: [
    string[],
    string[],
    number,
    string[],
    string,
    number?,
  ]): Beat & Omit<Orders, 'control' | 'healed'> => ({
    live,
    dead,
    silent: [...mapOf(silent)].map(([id, host]): EndedProcess => ({ id, host })),
    packSize: Math.max(packSize, 1),
    older: packSize === 0,
    otherLanes: integerOf(lanes),
    share,
  }),
});

export const control = defineScript({
  name: 'control',
  keys: ['control', 'events'],
  encode: packOptions<object>,
  decode: ([found, foreign]: [string[], string[]]) => ({
    control: controlOf(found),
    /** Fields that are missing, or that the group did not write. */
    foreign,
    /** The drained names that are ids of processes; the others are hosts. */
    drainedProcesses: Object.entries(drainedIn(mapOf(found)))
      .filter(([, kind]) => kind === 'process')
      .map(([name]) => name),
  }),
});

/** A change of the control that was refused, and the change that came before it, if that is why. */
interface Refused {
  readonly what: string | undefined;
  readonly who: string;
  readonly eventId: string;
}

export const change = defineScript({
  name: 'change',
  keys: ['control', 'events', 'bridge'],
  encode: ({
    paused,
    autoscale,
    ...options
  }: {
    size?: number | undefined;
    paused?: boolean | undefined;
    autoscale?: AutoscaleRule | undefined;
    drained?: readonly string[] | undefined;
    /** Of the names to drain, the ids of live processes; and the drained processes that live no longer. */
    processes: readonly string[];
    ended: readonly string[];
    who: string;
    why: string;
    expected: number | undefined;
    token?: number;
  }) =>
    packOptions({
      ...options,
      paused: paused === undefined ? undefined : paused ? '1' : '0',
      autoscale: autoscale && textOf(autoscale),
    }),
  decode: ([code, found, what, who = '', eventId = '']: [number, string[], ...string[]]) => ({
    control: controlOf(found),
    refused: code === 1 ? undefined : ({ what, who, eventId } satisfies Refused),
  }),
});

/** Which of the names are ids of live processes. */
export const liveAmong = defineScript({
  name: 'live-among',
  keys: ['processes'],
  encode: packOptions<{ names: readonly string[] }>,
  decode: (live: string[]) => live,
});

function textOf({ min, max, drainWithin }: AutoscaleRule): string {
  return JSON.stringify({ min, max, drainWithin });
}

/** The control from its texts, which the scripts have checked. */
function controlOf(flat: readonly string[]): Control {
  const texts = mapOf(flat);
  const text = (name: string) => texts.get(name) ?? '';
  const rule = text('autoscale');
  return {
    revision: Number(text('revision')),
    size: text('size') === '' ? undefined : Number(text('size')),
    paused: text('paused') === '1',
    autoscale: rule === '' ? undefined : (JSON.parse(rule) as AutoscaleRule),
    drained: Object.keys(drainedIn(texts)).sort(),
  };
}

/** Name -> `host` or `process`. */
function drainedIn(texts: ReadonlyMap<string, string>): Record<string, string> {
  return JSON.parse(texts.get('drained') ?? '{}');
}
