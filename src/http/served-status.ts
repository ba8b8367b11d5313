import type { ControlEvent, ProcessEnd } from '../core/control.js';
import { ownVersion } from '../core/version.js';
import type { GroupWatch } from '../observe/group-watch.js';
import type { GroupStatus, LiveTotals } from '../observe/status.js';
import type { GroupVerdict } from '../observe/verdict-input.js';
import type { GroupView } from './view.js';

/** What happened to a group: for people. */
interface ShownEvent {
  /** ISO 8601, Redis's clock. */
  readonly at: string;
  readonly kind: 'control' | 'ended' | 'gap';
  readonly who: string;
  readonly what: string;
  readonly why: string;
  /** Of the control; null for what is no change of it. */
  readonly revision: number | null;
}

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
    events: eventsOf(status, control, ends),
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

/** The newest first. */
function eventsOf(
  { gaps }: Pick<GroupStatus, 'gaps'>,
  control: readonly ControlEvent[],
  ends: readonly ProcessEnd[],
): ShownEvent[] {
  const events: ShownEvent[] = [
    ...control.map(({ at, who, what, why, revision }) => ({
      at,
      kind: 'control' as const,
      who,
      what,
      why,
      revision,
    })),
    ...ends.map(({ at, id }) => ({
      at,
      kind: 'ended' as const,
      who: id,
      what: 'ended without leaving the group',
      why: '',
      revision: null,
    })),
    ...gaps.map(({ from, to, reason }) => ({
      at: to,
      kind: 'gap' as const,
      who: '',
      what: `messages may have been missed since ${from}`,
      why: reason,
      revision: null,
    })),
  ];
  return events.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, MOST_EVENTS);
}
