import type { AutoscaleRule } from '../../core/control.js';
import { lacksWorkers, type Sizes, stalledOf } from '../../core/sizes.js';
import { numberText, plural } from '../../core/words.js';
import type { ControlReading, ControlStatus, ShownProcess } from '../../observe/control-status.js';
import type { GroupStatus } from '../../observe/status.js';
import { formatDuration } from '../../settings/durations.js';
import { PLAIN } from '../display.js';
import { withFlags } from '../hints.js';
import { table } from '../table.js';

/** Whether anything of the control plane was ever used: else nothing is said about it. */
export function isControlled({ control, processes }: Pick<ControlReading, 'control' | 'processes'>): boolean {
  return control.revision > 0 || processes.some(({ managed }) => managed);
}

/** How to start a process that does what the group lacks. */
export function startCommandOf({
  control,
  processes,
  lanes = [],
}: Pick<ControlReading, 'control' | 'processes'> & Pick<GroupStatus, 'lanes'>): string {
  const managed = control.size !== null || processes.some((one) => one.managed);
  const words = [...(managed ? ['--managed'] : []), ...(lanes.length > 0 ? ['--lanes', lanes.length] : [])];
  return withFlags(['cgroup start', ...words].join(' '));
}

/** What a group lacks whose messages wait for remote workers; undefined if it has some, or needs none. */
export function workersText({ processes }: Pick<ControlReading, 'processes'>): string | undefined {
  if (!lacksWorkers(processes)) return undefined;
  return 'no worker is connected: messages wait (cgroup worker --connect ws://HOST:PORT/workers -p ./handler.mjs)';
}

/** Says which processes cannot process; undefined if all can. */
export function stalledText({ processes }: Pick<ControlReading, 'processes'>): string | undefined {
  const stalled = stalledOf(processes);
  if (stalled.length === 0) return undefined;
  const names = stalled.map(({ id }) => id).join(', ');
  return `the processor cannot be started or reached: ${names} (the log of the process says why)`;
}

/** `20 wanted, 20 run, capacity 256 on 4 hosts; autoscale 2 to 100, backlog gone within 10s; PAUSED by ann@web1 since …` */
export function controlText(control: ControlStatus): string {
  const { wanted, running, capacity, hosts } = control;
  const parts = [
    `${numberText(wanted)} wanted, ${numberText(running)} run, capacity ${numberText(capacity)} on ${plural(hosts, 'host')}`,
  ];
  if (control.autoscale) parts.push(`autoscale ${ruleText(control.autoscale)}`);
  if (control.drained.length > 0) parts.push(`drained: ${control.drained.join(', ')}`);
  const paused = pauseText(control);
  if (paused !== undefined) parts.push(paused);
  return parts.join('; ');
}

/** `PAUSED by ann@web1 since 2026-11-21T12:00:03.000Z: why`; undefined if the group is not paused. */
export function pauseText({ paused, pausedBy }: ControlStatus): string | undefined {
  if (!paused) return undefined;
  if (!pausedBy) return 'PAUSED';
  return `PAUSED by ${pausedBy.who} since ${pausedBy.at}${because(pausedBy.why)}`;
}

/** `2 to 100, backlog gone within 10s` */
export function ruleText({ min, max, drainWithin }: AutoscaleRule): string {
  return `${numberText(min)} to ${numberText(max)}, backlog gone within ${formatDuration(drainWithin)}`;
}

/** `: why`, or nothing. */
export function because(why: string): string {
  return why === '' ? '' : `: ${why}`;
}

/** Why the wanted consumers cannot all run, and what to do; undefined if they can. */
export function shortageText(
  { wanted, capacity, managed, hosts }: Sizes,
  all: readonly Pick<ShownProcess, 'managed'>[],
): string | undefined {
  if (capacity >= wanted) return undefined;
  if (managed > 0)
    return `wanted ${numberText(wanted)}, capacity ${numberText(capacity)} on ${plural(hosts, 'host')}: start more processes or raise --capacity`;
  if (all.some(({ managed }) => managed))
    return `wanted ${numberText(wanted)}, and all managed processes are drained: end that with ${withFlags('cgroup undrain')}, or start another process`;
  return `wanted ${numberText(wanted)}, and no managed process runs: start one with ${withFlags('cgroup start --managed')}`;
}

/** The processes as a table. */
export function processTable(processes: readonly ShownProcess[], display = PLAIN): string {
  const remote = processes.some(({ workers }) => workers !== null);
  return table(
    display,
    ['process', 'host', 'pid', 'share', 'consumers', 'capacity', ...(remote ? ['workers'] : [])],
    processes.map(({ id, host, pid, managed, share, consumers, capacity, workers, drained, stalled }) => [
      { text: id, tone: stalled > 0 ? 'bad' : 'dim' },
      host,
      String(pid),
      {
        text: managed ? `${display.number(share ?? 0)}${drained ? ' (drained)' : ''}` : 'fixed',
        tone: drained ? 'warn' : undefined,
      },
      display.number(consumers),
      display.number(capacity),
      ...(remote ? [workers === null ? '' : display.number(workers)] : []),
    ]),
  );
}
