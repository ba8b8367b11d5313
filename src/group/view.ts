import { performance } from 'node:perf_hooks';
import type { GroupView } from '../http/view.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { WorkerHub } from '../processor/remote/hub.js';
import type { Settings } from '../settings/settings.js';
import type { Parts } from './compose.js';

/** What http is shown of a group. `state` and `parts`, which it has while it runs, are asked anew each time. */
export function viewOf(
  settings: Settings,
  stats: ProcessStats,
  state: () => GroupView['state'],
  parts: () => Parts | undefined,
  hub: WorkerHub | undefined,
): GroupView {
  const { group, channel, output, heartbeat, timeout } = settings;
  return {
    group,
    channel,
    output,
    heartbeat,
    timeout,
    stats,
    get inspector() {
      return parts()?.inspector;
    },
    get state() {
      return state();
    },
    get connected() {
      return parts()?.main.isReady === true;
    },
    get bridge() {
      return parts()?.bridge;
    },
    get activeConsumers() {
      const consumers = parts()?.consumers;
      return consumers && !consumers.paused ? consumers.running.length : 0;
    },
    get stalledConsumers() {
      return parts()?.consumers.stalled ?? 0;
    },
    get workers() {
      return hub?.workers;
    },
    get beatAge() {
      const last = parts()?.heartbeats.lastBeat;
      return last === undefined ? undefined : performance.now() - last;
    },
  };
}
