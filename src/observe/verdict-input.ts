import type { GroupStatus, LiveTotals, OrderStatus } from './status.js';
import type { TrendView, Vanished } from './trend.js';

/** How a group is. `behind`: messages are late, and do not become more; `stopped`: nothing is relayed, or nothing processed. */
export const VERDICT_STATES = [
  'healthy',
  'behind',
  'degraded',
  'falling-behind',
  'halted',
  'failing',
  'paused',
  'stopped',
  'unknown',
] as const;

export type VerdictState = (typeof VERDICT_STATES)[number];

/** How a group is, in words. */
export interface GroupVerdict {
  readonly state: VerdictState;
  readonly level: 'good' | 'warn' | 'bad' | 'unknown';
  /** The most important, in one sentence without a dot. */
  readonly title: string;
  /** What else is not well, the worst first, and hints. */
  readonly notes: readonly string[];
  /** Since when: ISO 8601, Redis's clock; null if that is not known. */
  readonly since: string | null;
}

/** What is new since somebody looked. */
export interface News {
  readonly dead: number;
  readonly gaps: number;
  readonly lost: number;
  readonly dropped: number;
  /** `in the last hour`, `since top began` */
  readonly since: string;
}

/** The last reading of a group: its status, or its totals. */
export type VerdictReading = Omit<LiveTotals, 'consumerCount' | 'order' | 'ended'> &
  Partial<Pick<LiveTotals, 'ended'>> & {
    readonly consumerCount: number;
    readonly order: LiveTotals['order'] | OrderStatus;
    /** Those that stop an order, as far as they are known. */
    readonly halted?: GroupStatus['halted'];
  };

export interface VerdictInput {
  /** Undefined if the group was never read. */
  readonly reading: VerdictReading | undefined;
  /** ms since then. */
  readonly age?: number;
  /** ms after which a reading is too old. Default: 3,000. */
  readonly freshFor?: number;
  /** Why there is no newer one, in words. */
  readonly failure?: string | undefined;
  /** Undefined for a single reading: then nothing is said of what changes. */
  readonly trend?: TrendView | undefined;
  /** Whether the trend knows the last 5 s. */
  readonly isSettled?: boolean;
  readonly vanished?: readonly Vanished[];
  readonly news?: News | undefined;
  /** Bytes that Redis may use, in words: `512 MB (maxmemory)`. */
  readonly memoryLimit?: string | undefined;
}
