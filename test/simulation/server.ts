import type { CommandLink, Subscription } from './links.js';
import type { Random } from './random.js';
import type { RedisModel } from './redis.js';
import type { Timeline } from './timeline.js';

/** The one Redis, and everything connected to it. */
export interface Server {
  readonly redis: RedisModel;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly links: Set<CommandLink>;
  readonly subscriptions: Set<Subscription>;
  /** Whether it cannot be reached. */
  readonly down: boolean;
  /** When it could last be reached again. */
  readonly upAt: number;
}
