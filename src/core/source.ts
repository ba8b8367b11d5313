import type { Gap } from './bridge-store.js';

/** Where the messages of a group come from. */
export type Source =
  | { readonly kind: 'channel'; readonly name: string; readonly sharded?: boolean }
  /** `from` is the end that messages are taken from. */
  | { readonly kind: 'list'; readonly name: string; readonly from: 'left' | 'right' }
  | { readonly kind: 'stream'; readonly name: string };

/** A source that messages are pulled from; those of a channel come by themselves. */
export type PulledSource = Exclude<Source, { readonly kind: 'channel' }>;

/** The settings that name the source. */
export interface SourceNames {
  readonly channel: string;
  readonly sharded?: boolean | undefined;
  readonly list?: string | undefined;
  readonly listFrom?: 'left' | 'right' | undefined;
  readonly stream?: string | undefined;
}

export function sourceOf({ channel, sharded, list, listFrom = 'left', stream }: SourceNames): Source {
  if (list !== undefined) return { kind: 'list', name: list, from: listFrom };
  if (stream !== undefined) return { kind: 'stream', name: stream };
  return sharded ? { kind: 'channel', name: channel, sharded } : { kind: 'channel', name: channel };
}

/** A source in words: `channel news`, `channel news, sharded`, `list orders`, `list orders, taken from the right`. */
export function sourceText(source: Source): string {
  if (source.kind === 'channel' && source.sharded) return `channel ${source.name}, sharded`;
  const end = source.kind === 'list' && source.from === 'right' ? ', taken from the right' : '';
  return `${source.kind} ${source.name}${end}`;
}

/** The flags of a command that name a source. */
export function sourceFlags(source: Source): string[] {
  const end = source.kind === 'list' && source.from === 'right' ? ['--list-from', 'right'] : [];
  const kind = source.kind === 'channel' && source.sharded ? ['--sharded'] : [];
  return [`--${source.kind}`, source.name, ...end, ...kind];
}

/** Messages that one pull takes at most, and bytes, about: Redis serves no other client meanwhile. */
export const PULL_LIMITS = { most: 1_000, mostBytes: 1_000_000 };

/** What one pull did. */
export interface Pulled {
  /** How many messages it took. */
  readonly messages: number;
  /**
   * Whether to pull again at once, to wait for messages, or to wait until the group has settled some. `changed`: it took none,
   * because another process took messages meanwhile; pull again soon.
   */
  readonly next: 'more' | 'wait' | 'full' | 'changed';
  /** Entries of the stream were removed before they were read. */
  readonly gap?: Gap | undefined;
}

/**
 * Takes messages from a list or a stream.
 *
 * @throws {CgroupError} both methods reject if Redis refuses or does not answer
 */
export interface SourceStore {
  /** Moves the next messages into the inbox, both or neither. Sent twice, it takes the next ones. */
  pull(packSize: number): Promise<Pulled>;
  /** Waits for a message without taking it, about a second at most. Resolves to whether there was one. */
  wait(): Promise<boolean>;
}
