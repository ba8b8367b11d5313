import { availableParallelism } from 'node:os';
import type { Logger } from '../log/logger.js';
import type { Settings } from '../settings/settings.js';
import { builtinProcessor } from './builtin.js';
import type { Executor } from './executor.js';
import { InlineExecutor } from './inline.js';
import { LOAD_TIMEOUT, loadProcessorWithin } from './load.js';
import type { Processor } from './processor.js';
import { ThreadPool } from './threads/pool.js';

/**
 * Where the messages are processed: a module in threads of its own, unless the settings say otherwise; a function
 * and the built-in processor on this one.
 *
 * @param own the function of a library's user, instead of a module
 * @param consumers ids of the consumers that will ask for a lane
 */
export function chooseExecutor(
  settings: Pick<Settings, 'processor' | 'simulateMs' | 'threads' | 'concurrency' | 'timeout'>,
  own: Processor | undefined,
  consumers: readonly string[],
  log: Logger,
): Executor {
  const { processor: path, simulateMs, concurrency, timeout } = settings;
  const options = { consumers, concurrency, timeout, log };
  if (own) return new InlineExecutor(async () => own, options);
  if (path === undefined) return new InlineExecutor(async () => builtinProcessor(simulateMs), options);
  if (settings.threads === 0)
    return new InlineExecutor(() => loadProcessorWithin(LOAD_TIMEOUT, path), options);
  const threads = settings.threads === 'auto' ? coresToSpare() : settings.threads;
  return new ThreadPool({ ...options, path, threads });
}

/** One core is for bridge and consumers. */
function coresToSpare(): number {
  return Math.max(availableParallelism() - 1, 1);
}
