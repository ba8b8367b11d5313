import type { AutoscaleRule, Control, Orders } from '../../core/control.js';
import type { Beat } from '../../core/registry.js';
import { defineScript, packOptions } from '../protocol/script.js';
import { mapOf } from '../reading.js';

// What each is for: the interfaces in core/registry.ts and core/control.ts. What is atomic: the head of its Lua.

export const beat = defineScript({
  name: 'beat',
  keys: ['consumerList', 'heartbeats', 'members', 'processes', 'control', 'events'],
  encode: packOptions<{
    silence: number;
    output: string;
    process: string;
    report: string | undefined;
    packSize: number | undefined;
    member: string;
    beating: readonly string[];
    leaving: readonly string[];
  }>,
  decode: ([live, dead, control, healed, packSize, share]: BeatReply): Beat & Orders => ({
    live,
    dead,
    packSize: Math.max(packSize, 1),
    older: packSize === 0,
    share,
    control: controlOf(control),
    healed,
  }),
});

type BeatReply = [
  live: string[],
  dead: string[],
  control: string[],
  healed: string[],
  packSize: number,
  share?: number,
];

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
  keys: ['control', 'events', 'bridge', 'processes'],
  encode: ({
    paused,
    autoscale,
    ...options
  }: {
    size?: number | undefined;
    paused?: boolean | undefined;
    autoscale?: AutoscaleRule | undefined;
    drained?: readonly string[] | undefined;
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
