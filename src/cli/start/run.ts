import { ConsumerGroup } from '../../group/consumer-group.js';
import { groupLogger } from '../../log/logger.js';
import { surviveStrayErrors } from '../../log/stray-errors.js';
import { makeLogger } from '../logger.js';
import { watch } from '../monitoring.js';
import { boundOutput, flushOutput } from '../output.js';
import type { LoadedSettings } from '../settings/load-settings.js';
import { untilSignal } from '../signals.js';

/** Runs a group until a signal ends it, and then the process. @param json whether the monitor prints JSON */
export async function runGroup({ settings, origin, written }: LoadedSettings, json: boolean): Promise<void> {
  const root = makeLogger(settings);
  const log = groupLogger(root, settings);
  if (settings.embedded && origin.redis !== 'default')
    log.warn({}, `embedded starts its own Redis: the URL of ${origin.redis} is not used`);
  boundOutput(process.stdout, 'output line', log);
  const strays = surviveStrayErrors(log);
  const group = new ConsumerGroup({ ...written, logger: root });
  const watching = new AbortController();
  const stopped = untilSignal((signal) => {
    watching.abort();
    log.info(
      { signal },
      `${signal}: finishing the messages in work; a second signal ends the process at once`,
    );
  });
  await Promise.race([group.start(), stopped]);
  const monitor = settings.monitor
    ? watch(() => group.status(), { interval: settings.interval, json, signal: watching.signal, log })
    : undefined;
  await stopped;
  await monitor;
  await group.stop();
  strays.flush();
  log.info({}, 'stopped');
  await flushOutput();
  // A processor's timers or sockets would keep the process alive.
  process.exit(0);
}
