import type { GroupStatus } from '../../src/observe/status.js';
import { unset } from './control.js';

/** The status of an idle group. */
export function groupStatus(more: Partial<GroupStatus> = {}): GroupStatus {
  return {
    time: '2026-11-21T12:00:03.987Z',
    group: 'cgroup',
    channel: 'in',
    output: 'out',
    leader: 'b1',
    bridges: [{ id: 'b1', leads: true }],
    consumers: [],
    waiting: 0,
    pending: 0,
    retrying: 0,
    backlog: 0,
    lagMs: 0,
    deadLetters: 0,
    foreign: [],
    gaps: [],
    counters: {
      relayed: 0,
      processed: 0,
      failed: 0,
      retried: 0,
      dead: 0,
      gaps: 0,
      dropped: 0,
      lost: 0,
      strays: 0,
      trimmed: 0,
      purged: 0,
      revived: 0,
      foreignMarks: 0,
      foreignRetries: 0,
    },
    ...unset,
    ...more,
  };
}
