import { CgroupError, messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import type { GroupClient } from '../observe/client.js';
import type { OutputTail, ShownResult } from '../observe/peek.js';
import { boundOutput } from './output.js';
import { untilSignal } from './signals.js';

/** ms between two looks. */
const EVERY = 200;
/** Most results of one look: if there are more, those between are left out. */
const MOST = 1_000;

export interface FollowOptions {
  /** How many of the newest are shown after some were left out. */
  readonly limit: number;
  readonly log: Logger;
  readonly show: (results: readonly ShownResult[]) => void;
}

/**
 * Shows results as they come, until Ctrl-C. It looks again and again: a blocking read on a dead link would show nothing, and not
 * say so.
 *
 * @throws {CgroupError} SETTINGS if the output is a list
 */
export async function followResults(
  client: GroupClient,
  tail: OutputTail,
  options: FollowOptions,
): Promise<void> {
  const { limit, log, show } = options;
  const { inspector, settings } = client;
  if (settings.outputType === 'list' || (await inspector.read()).outputType === 'list')
    throw new CgroupError(
      'SETTINGS',
      'an output that is a list cannot be followed: its readers take the results out; use --follow with a stream',
    );
  boundOutput(process.stdout, 'output line', log);
  const ending = new AbortController();
  void untilSignal().then(() => ending.abort());
  for (; !ending.signal.aborted; await pause(EVERY, ending.signal)) {
    try {
      let found = await tail.next(MOST);
      if (found.length >= MOST) {
        log.warn({}, 'more results come than can be shown: some are left out');
        found = await tail.newest(limit);
      }
      if (found.length > 0) show(found);
    } catch (error) {
      if (!ending.signal.aborted) log.warn({ error }, `no results now: ${messageOf(error)}`);
    }
  }
}
