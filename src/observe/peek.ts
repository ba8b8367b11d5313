import { type Payload, payloadOf } from '../core/message.js';
import { isEntryId, timeOfId } from '../core/stream-id.js';
import type { GroupInspector, LaneReader } from '../redis/group-inspector.js';
import type { StreamEntry } from '../redis/reading.js';

/** A result, as it lies in the output. */
export interface ShownResult {
  /** In the stream; null in a list. */
  readonly id: string | null;
  /** When it was written: ISO 8601, by the clock of Redis; null in a list. */
  readonly time: string | null;
  readonly messageId: string;
  readonly inboxId: string;
  readonly consumerId: string;
  /** The message with what the processor has added; a text if that is no JSON. */
  readonly data: unknown;
}

/** A message that is not settled. */
export interface ShownWaiting {
  /** Null while it waits behind another message of its key. */
  readonly id: string | null;
  /** When it was relayed: ISO 8601, by the clock of Redis. */
  readonly time: string | null;
  /** As it was published. */
  readonly message: Payload;
}

/** Bytes of results that are held at a time, about. */
const MOST_BYTES = 64_000_000;

/** The end of an output: with several lanes, of all of them together. */
export class OutputTail {
  readonly #inspector: Pick<GroupInspector, 'read' | 'lanes'>;
  /** The id of the last result of each lane that was given; '' for none. */
  #after: string[];
  #isList = false;

  constructor(inspector: Pick<GroupInspector, 'read' | 'lanes'>) {
    this.#inspector = inspector;
    this.#after = inspector.lanes.map(() => '');
  }

  /** Whether the output was a list when {@link newest} read it. */
  get isList(): boolean {
    return this.#isList;
  }

  /**
   * The newest results, the newest last.
   *
   * @param most how many at most; they are held in memory, so large ones are fewer: about 64 MB
   */
  async newest(most: number): Promise<ShownResult[]> {
    this.#isList = (await this.#inspector.read()).outputType === 'list';
    const each = await this.#ofEach(async (lane) =>
      this.#isList
        ? (await lane.lastElements(most)).map(shownElement)
        : (await shownResults(lane.newestResults(most))).reverse(),
    );
    return each.slice(-most);
  }

  /** Those of a stream that came since, the oldest first. @param most how many of a lane at most */
  next(most: number): Promise<ShownResult[]> {
    return this.#ofEach((lane, after) => shownResults(lane.resultsAfter(after, most)));
  }

  async #ofEach(read: (lane: LaneReader, after: string) => Promise<ShownResult[]>): Promise<ShownResult[]> {
    const { lanes } = this.#inspector;
    const each = await Promise.all(lanes.map((lane, i) => read(lane, this.#after[i] ?? '')));
    this.#after = each.map((found, i) => found.at(-1)?.id ?? this.#after[i] ?? '');
    // Each is in its order already: those of one moment stay as they are.
    return each.length === 1 ? (each[0] ?? []) : each.flat().sort(byTime);
  }
}

function byTime(a: ShownResult, b: ShownResult): number {
  return (a.time ?? '') < (b.time ?? '') ? -1 : Number((a.time ?? '') > (b.time ?? ''));
}

async function shownResults(entries: AsyncIterable<StreamEntry>): Promise<ShownResult[]> {
  const found: ShownResult[] = [];
  let bytes = 0;
  for await (const entry of entries) {
    bytes += entry.fields.data?.length ?? 0;
    if (found.length > 0 && bytes > MOST_BYTES) break;
    found.push(shownResult(entry));
  }
  return found;
}

/** Messages that are not settled, the oldest of an inbox first: they wait, or a consumer has them. Lane by lane. */
export async function* waitingMessages(
  { lanes }: Pick<GroupInspector, 'lanes'>,
  most: number,
): AsyncGenerator<ShownWaiting> {
  let left = most;
  for (const lane of lanes)
    for await (const { id, fields } of lane.inbox()) {
      if (left-- === 0) return;
      const isId = isEntryId(id);
      yield {
        id: isId ? id : null,
        time: isId ? new Date(timeOfId(id)).toISOString() : null,
        message: payloadOf(fields.message ?? Buffer.alloc(0)),
      };
    }
}

function shownResult({ id, fields }: StreamEntry): ShownResult {
  const text = (name: string) => fields[name]?.toString() ?? '';
  return {
    id,
    time: new Date(timeOfId(id)).toISOString(),
    messageId: text('message_id'),
    inboxId: text('inbox_id'),
    consumerId: text('consumer_id'),
    data: parsed(text('data')),
  };
}

function shownElement(bytes: Buffer): ShownResult {
  const value = parsed(bytes.toString());
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const text = (name: string) => (fields[name] === undefined ? '' : String(fields[name]));
  return {
    ...{ id: null, time: null },
    messageId: text('message_id'),
    inboxId: text('inbox_id'),
    consumerId: text('consumer_id'),
    data: fields.data ?? value,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
