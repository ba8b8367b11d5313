/** How a group writes its results. */
export interface Sink {
  /** Whether the output is a list. */
  readonly list: boolean;
  readonly order: 'none' | 'total' | 'key';
  /** Whether the output has the times of each step. */
  readonly timed: boolean;
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
  return timed || list ? { list, order, timed } : undefined;
}
