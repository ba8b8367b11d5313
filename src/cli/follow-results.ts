import { CgroupError, messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import type { GroupClient } from '../observe/client.js';
import { newestResults, resultsAfter, type ShownResult } from '../observe/peek.js';
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
 * @param last the id of the last one that is shown; '' for none
 * @throws {CgroupError} SETTINGS if the output is a list
 */
export async function followResults(
  client: GroupClient,
  last: string,
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
  for (let after = last; !ending.signal.aborted; await pause(EVERY, ending.signal)) {
    try {
      let found = await resultsAfter(inspector, after, MOST);
      if (found.length === MOST) {
        log.warn({}, 'more results come than can be shown: some are left out');
        found = await newestResults(inspector, limit);
      }
      if (found.length > 0) show(found);
      after = found.at(-1)?.id ?? after;
    } catch (error) {
      if (!ending.signal.aborted) log.warn({ error }, `no results now: ${messageOf(error)}`);
    }
  }
}
