import type { GroupStatus } from '../observe/status.js';
import type { GroupVerdict } from '../observe/verdict-input.js';
import { startCommandOf } from './control/text.js';
import { withFlags } from './hints.js';

/** What somebody who has read a status is likely to type next, and what for. */
export function nextText(
  { state, level }: Pick<GroupVerdict, 'state' | 'level'>,
  status: Pick<GroupStatus, 'control' | 'processes' | 'deadLetters'>,
): string {
  const { control, processes } = status;
  const next = (command: string, what: string) => `next: ${withFlags(command)} (${what})`;
  const isManaged = control.size !== null || processes.some(({ managed }) => managed);
  switch (state) {
    case 'paused':
      return next('cgroup resume', 'ends the pause');
    case 'stopped':
      if (processes.length === 0) return `next: ${startCommandOf(status)} (on this host, or another one)`;
      if (control.size === 0) return next('cgroup scale 3', 'so many consumers, or another number');
      return next('cgroup doctor', 'what is wrong, and how to fix it');
    case 'halted':
      return next('cgroup dead list', 'why they died; then retry or skip them');
    case 'failing':
      if (status.deadLetters > 0) return next('cgroup dead list --group', 'how many of each error');
      return next('cgroup doctor', 'what is wrong, and how to fix it');
    case 'behind':
    case 'falling-behind':
      if (isManaged) return next('cgroup scale', 'what is wanted and what runs; with a number, sets it');
      return next('cgroup top', 'whether it catches up; another process helps: cgroup start');
    case 'degraded':
    case 'unknown':
      return next('cgroup doctor', 'what is wrong, and how to fix it');
    case 'healthy':
      if (status.deadLetters > 0) return next('cgroup dead list --group', 'how many of each error');
      return level === 'good' ? next('cgroup top', 'the same, live') : next('cgroup verify', 'what is lost');
  }
}
