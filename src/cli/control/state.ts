import { plural } from '../../core/words.js';
import type { GroupClient } from '../../observe/client.js';
import { type ControlReading, readControl } from '../../observe/control-status.js';
import { displayOf } from '../display.js';
import { withFlags } from '../hints.js';
import { facts } from '../table.js';
import { because, pauseText, processTable, ruleText, shortageText } from './text.js';

/** The last change of a control. */
interface LastChange {
  readonly at: string;
  readonly who: string;
  readonly what: string;
  readonly why: string;
}

/** The control of a group, its last change and its processes: what `cgroup scale --json` prints. */
export interface ControlView extends Omit<ControlReading, 'ended'> {
  /** Null if nothing was ever changed. */
  readonly lastChange: LastChange | null;
}

export async function controlView(client: GroupClient): Promise<ControlView> {
  const [reading, events] = await Promise.all([readControl(client.inspector), client.events()]);
  const last = events.at(-1);
  const lastChange = last ? { at: last.at, who: last.who, what: last.what, why: last.why } : null;
  return { control: reading.control, lastChange, processes: reading.processes };
}

/** What is wanted, by whom and why, and what runs. */
export function stateText({ control, lastChange, processes }: ControlView, display = displayOf()): string {
  const { size, wanted, running, capacity, managed, hosts, autoscale, drained } = control;
  const paused = pauseText(control);
  const unmanaged = !processes.some((one) => one.managed);
  const hint =
    shortageText(control, processes) ??
    (unmanaged ? withFlags('no managed process runs: start one with cgroup start --managed') : undefined);
  const table = facts(display, [
    [
      'size',
      size === null
        ? `${display.number(wanted)} (never set: one for each managed process)`
        : display.number(wanted),
    ],
    ['running', display.number(running)],
    [
      'capacity',
      `${display.number(capacity)} in ${plural(managed, 'process', 'processes')} on ${plural(hosts, 'host')}`,
    ],
    ['autoscale', autoscale ? ruleText(autoscale) : 'off'],
    ...(drained.length > 0 ? [['drained', drained.join(', ')] as const] : []),
    ...(paused === undefined ? [] : [['paused', { text: paused, tone: 'warn' }] as const]),
    ['last change', lastChange ? changeText(lastChange) : 'none'],
  ]);
  return [table, processes.length > 0 ? processTable(processes, display) : undefined, hint]
    .filter((part) => part !== undefined)
    .join('\n\n');
}

function changeText({ at, who, what, why }: LastChange): string {
  return `${at} by ${who}: ${what}${because(why)}`;
}
