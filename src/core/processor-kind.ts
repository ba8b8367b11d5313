/** What the setting `processor` may name; without it the built-in processor runs. */
export type ProcessorKind = 'module' | 'exec' | 'service' | 'remote';

/** The setting's value for workers that connect over WebSocket. */
export const REMOTE = 'remote';
/** What stands before the command of a worker that runs as a child process. */
export const EXEC = 'exec:';

/** The kind of processor that a value of the setting names; a path is a module. */
export function kindOfProcessor(processor: string): ProcessorKind {
  if (processor === REMOTE) return 'remote';
  if (processor.startsWith(EXEC)) return 'exec';
  return /^https?:\/\//i.test(processor) ? 'service' : 'module';
}
