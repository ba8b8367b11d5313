import { recordsInRedis } from './record.js';

/** How a group writes its results. */
export interface Sink {
  /** Whether the output is a list. */
  readonly list: boolean;
  readonly order: 'none' | 'total' | 'key';
  /** Whether the output has the times of each step. */
  readonly timed: boolean;
  /** Whether each settled message also has a hash in Redis (record redis). */
  readonly hashed?: boolean;
}

/** The settings that say so. */
interface SinkSettings extends Pick<Sink, 'order'> {
  readonly outputType: 'stream' | 'list';
  readonly record?: string | undefined;
}

/** How a group writes its results; undefined if it has no order, no times and no list: then packs are settled as a whole. */
export function sinkOf({ order, outputType, record }: SinkSettings): Sink | undefined {
  const timed = order !== 'none' || record !== undefined;
  const list = outputType === 'list';
  if (!timed && !list) return undefined;
  return { list, order, timed, ...(recordsInRedis({ record }) && { hashed: true }) };
}
