import { MISSED_BEATS } from '../core/registry.js';
import type { GroupTotals } from '../redis/reading.js';
import type { ShownProcess } from './control-status.js';

/** What the bridge of a process does: `waits` for a seat; `pulls` from a list or a stream; `none` if it runs none. */
export type Role = 'leads' | 'follows' | 'waits' | 'pulls' | 'none';

/** A live process, at the moment of a reading. */
export interface ProcessView extends ShownProcess {
  readonly role: Role;
  /** ms since its last heartbeat. */
  readonly beatAgeMs: number;
  /** Whether it has missed a heartbeat: after the third it is dead. */
  readonly silent: boolean;
}

/** ms between two heartbeats of a process that does not say: the default. */
const HEARTBEAT = 1_000;

/** Shows processes as they are at the time of a reading. */
export function processViews(
  processes: readonly ShownProcess[],
  { time, leader, bridges }: Pick<GroupTotals, 'time' | 'leader' | 'bridges'>,
): ProcessView[] {
  const now = Date.parse(time);
  const seated = new Set(bridges.map(({ id }) => id));
  return processes.map((one) => {
    // Read a moment apart: a heartbeat may be later than the reading.
    const beatAgeMs = Math.max(0, now - Date.parse(one.lastBeat));
    const silence = (MISSED_BEATS - 1) * (one.heartbeat ?? HEARTBEAT);
    return { ...one, role: roleOf(one, leader, seated), beatAgeMs, silent: beatAgeMs >= silence };
  });
}

function roleOf(
  { id, pulls, bridges }: ShownProcess,
  leader: string | null,
  seated: ReadonlySet<string>,
): Role {
  if (pulls) return 'pulls';
  if (id === leader) return 'leads';
  if (seated.has(id)) return 'follows';
  return bridges === null ? 'none' : 'waits';
}

/** The process of each consumer: its id is that of the process, and a number behind it. */
export function processOf(consumerId: string, processes: ReadonlySet<string>): string | null {
  for (let end = consumerId.lastIndexOf('-'); end > 0; end = consumerId.lastIndexOf('-', end - 1)) {
    const id = consumerId.slice(0, end);
    if (processes.has(id)) return id;
  }
  return null;
}
