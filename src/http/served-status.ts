import type { ControlEvent, ProcessEnd } from '../core/control.js';
import { ownVersion } from '../core/version.js';
import { groupEvents } from '../observe/group-events.js';
import type { GroupWatch } from '../observe/group-watch.js';
import type { GroupStatus, LiveTotals } from '../observe/status.js';
import type { GroupVerdict } from '../observe/verdict-input.js';
import type { GroupView } from './view.js';

const MOST_EVENTS = 100;

interface Served {
  readonly view: GroupView;
  readonly watch: GroupWatch;
  readonly verdict: GroupVerdict;
  readonly control: readonly ControlEvent[];
  readonly ends: readonly ProcessEnd[];
}

/** What `/api/status` and the event `status` hold: all of `cgroup status --json`, and what only one who watches can know. */
export function servedStatus(status: GroupStatus, { view, watch, verdict, control, ends }: Served): object {
  return {
    ...status,
    verdict,
    trend: watch.trend ?? null,
    totals: everOf(status),
    processes: status.processes.map((one) => ({ ...one, ...watch.ratesOf(one) })),
    consumers: status.consumers.map((one) => ({ ...one, rate: watch.rateOf(one.id) })),
    redis: watch.memory ?? null,
    server: { ...view.process, version: ownVersion(), ...actionsOf(view) },
    events: groupEvents({ control, ends, gaps: status.gaps }).slice(0, MOST_EVENTS),
  };
}

/** Counts that only rise, for one who wants to know what is new since. */
function everOf({ counters }: Pick<LiveTotals, 'counters'>) {
  const { dead, revived, gaps, lost, dropped } = counters;
  return { dead: dead + revived, gaps, lost, dropped };
}

function actionsOf({ actions }: GroupView) {
  return { actions, actionsHint: actions ? null : ACTIONS_OFF };
}

/** What to set. */
export const ACTIONS_OFF =
  'this page only shows: start the process with --http-actions, and a secret in CGROUP_HTTP_TOKEN, to act from here';
