import { performance } from 'node:perf_hooks';
import type { Recorder } from '../core/record.js';
import { sourceOf } from '../core/source.js';
import type { GroupView } from '../http/view.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { WorkerHub } from '../processor/remote/hub.js';
import type { Settings } from '../settings/settings.js';
import type { Identity } from './identity.js';
import type { Parts } from './parts.js';

/** What http is shown of a group. `state` and `parts`, which it has while it runs, are asked anew each time. */
export function viewOf(
  settings: Settings,
  stats: ProcessStats,
  state: () => GroupView['state'],
  parts: () => Parts | undefined,
  hub: WorkerHub | undefined,
  recorder: () => Recorder | undefined,
  { id, host }: Pick<Identity, 'id' | 'host'>,
): GroupView {
  const { group, output, heartbeat, timeout } = settings;
  const source = sourceOf(settings);
  return {
    group,
    process: { process: id, host },
    actions: settings.httpActions,
    source,
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
    get pullFailingFor() {
      return parts()?.puller?.failingFor ?? 0;
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
    get recordAway() {
      return recorder()?.away;
    },
    get beatAge() {
      const last = parts()?.heartbeats.lastBeat;
      return last === undefined ? undefined : performance.now() - last;
    },
  };
}
