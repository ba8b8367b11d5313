import { performance } from 'node:perf_hooks';
import type { GroupView } from '../http/view.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { Settings } from '../settings/settings.js';
import type { Parts } from './compose.js';

/** Where a group is in its life, and its parts while it has any. */
export interface Life {
  readonly state: GroupView['state'];
  readonly parts: Parts | undefined;
}

/** What http is shown of a group; `life` is asked anew each time. */
export function viewOf(settings: Settings, stats: ProcessStats, life: () => Life): GroupView {
  const { group, channel, output, heartbeat, timeout } = settings;
  return {
    group,
    channel,
    output,
    heartbeat,
    timeout,
    stats,
    get inspector() {
      return life().parts?.inspector;
    },
    get state() {
      return life().state;
    },
    get connected() {
      return life().parts?.main.isReady === true;
    },
    get bridge() {
      return life().parts?.bridge;
    },
    get beatAge() {
      const last = life().parts?.heartbeats.lastBeat;
      return last === undefined ? undefined : performance.now() - last;
    },
  };
}
