import { availableParallelism } from 'node:os';
import { CgroupError } from '../core/errors.js';
import type { Executor } from '../core/executor.js';
import { EXEC, kindOfProcessor } from '../core/processor-kind.js';
import { type SourceNames, sourceOf } from '../core/source.js';
import type { Logger } from '../log/logger.js';
import { type ExecutorOptions, InlineExecutor } from './inline.js';
import { LOAD_TIMEOUT, loadProcessorWithin } from './load.js';
import { builtinProcessor, checkedProcessor, type Processor } from './processor.js';
import { ThreadPool } from './threads/pool.js';

/** The settings that say which processor runs, and where. */
export interface ProcessorSettings extends Pick<ExecutorOptions, 'concurrency' | 'timeout'>, SourceNames {
  /** The setting: a path, `exec:COMMAND`, a URL, `remote`; undefined for the built-in processor. */
  readonly processor?: string | undefined;
  readonly simulateMs: number;
  /** 0 for the main thread. */
  readonly threads: number | 'auto';
  /** What workers in other languages may want to know of their group. */
  readonly group: string;
  /** ms */
  readonly heartbeat: number;
  /** ms */
  readonly claimAfter: number;
}

/**
 * Makes the executor: a module runs in threads of its own, unless the settings say otherwise; a function and the
 * built-in processor run on this thread.
 *
 * @param own the function of a library's user, instead of a module
 * @param processId unique in the group
 */
export async function chooseExecutor(
  settings: ProcessorSettings,
  own: Processor | undefined,
  log: Logger,
  processId: string,
): Promise<Executor> {
  const { processor: path, simulateMs, concurrency, timeout } = settings;
  const options = { concurrency, timeout, log };
  const channel = sourceOf(settings).name;
  if (own) return new InlineExecutor(async () => checkedProcessor(own, 'the processor'), options);
  if (path === undefined) return new InlineExecutor(async () => builtinProcessor(simulateMs), options);
  switch (kindOfProcessor(path)) {
    case 'module':
      break;
    case 'exec': {
      const { ExecExecutor } = await import('./exec/executor.js');
      const { group, heartbeat, claimAfter: lease } = settings;
      const welcome = { group, channel, heartbeat, lease };
      return new ExecExecutor({ ...options, command: path.slice(EXEC.length), processId, welcome });
    }
    case 'service': {
      const { ServiceExecutor } = await import('./service/executor.js');
      return new ServiceExecutor({ ...options, url: path, channel });
    }
    case 'remote':
      throw new CgroupError(
        'PROCESSOR',
        'a remote worker cannot hand its messages on to remote workers: give it a module or a command',
      );
  }
  if (settings.threads === 0)
    return new InlineExecutor(() => loadProcessorWithin(LOAD_TIMEOUT, path), options);
  return new ThreadPool({ ...options, path, threads: threadCount(settings.threads) });
}

/** How many threads the setting means. */
export function threadCount(threads: ProcessorSettings['threads']): number {
  // One core is for all else.
  return threads === 'auto' ? Math.max(availableParallelism() - 1, 1) : threads;
}
