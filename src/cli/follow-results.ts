import { CgroupError, messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import type { GroupClient } from '../observe/client.js';
import type { OutputTail, ShownResult } from '../observe/peek.js';
import { boundOutput } from './output.js';
import { untilSignal } from './signals.js';

/** ms between two looks. */
const EVERY = 200;
/** Most results of one look. */
const MOST = 1_000;
/** So many looks in a row that find so many: more come than can be shown, and those between are left out. */
const TOO_MANY = 20;

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
 * @param tail its newest results were read
 * @throws {CgroupError} SETTINGS if the output is a list
 */
export async function followResults(
  client: GroupClient,
  tail: OutputTail,
  options: FollowOptions,
): Promise<void> {
  const { limit, log, show } = options;
  if (client.settings.outputType === 'list' || tail.isList)
    throw new CgroupError(
      'SETTINGS',
      'an output that is a list cannot be followed: its readers take the results out; use --follow with a stream',
    );
  boundOutput(process.stdout, 'output line', log);
  const ending = new AbortController();
  void untilSignal().then(() => ending.abort());
  let full = 0;
  while (!ending.signal.aborted) {
    try {
      let found = await tail.next(MOST);
      full = found.length >= MOST ? full + 1 : 0;
      if (full === TOO_MANY) {
        log.warn({}, 'more results come than can be shown: some are left out');
        found = await tail.newest(limit);
        full = 0;
      }
      if (found.length > 0) show(found);
    } catch (error) {
      if (!ending.signal.aborted) log.warn({ error }, `no results now: ${messageOf(error)}`);
    }
    if (full === 0) await pause(EVERY, ending.signal);
  }
}
