import type { ControlEvent, ProcessEnd } from '../core/control.js';
import type { GroupStatus } from './status.js';

/** What happened to a group: for people. */
export interface GroupEvent {
  /** ISO 8601, Redis's clock. */
  readonly at: string;
  readonly kind: 'control' | 'ended' | 'gap';
  /** An author, or the id of the process that ended; '' for a gap. */
  readonly who: string;
  readonly what: string;
  readonly why: string;
  /** Of the control; null for what is no change of it. */
  readonly revision: number | null;
}

interface Happened {
  readonly control: readonly ControlEvent[];
  readonly ends: readonly ProcessEnd[];
  readonly gaps?: GroupStatus['gaps'];
}

/** One list of all that happened, the newest first. */
export function groupEvents({ control, ends, gaps = [] }: Happened): GroupEvent[] {
  const events: GroupEvent[] = [
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
  // Changes of one moment stay in the order of their revisions.
  return events.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : (b.revision ?? 0) - (a.revision ?? 0)));
}
