import { formatDuration } from '../../settings/durations.js';
import { durationArgument } from '../arguments.js';

/** ms that a command waits for its change to take effect, without --timeout. */
export const DEFAULT_TIMEOUT = 30_000;

// Flags that several commands of the control plane have.

export const WHY = ['--why <text>', 'the reason, for cgroup events'] as const;
export const TIMEOUT = [
  '--timeout <duration>',
  `how long to wait (default: ${formatDuration(DEFAULT_TIMEOUT)})`,
  durationArgument,
] as const;
