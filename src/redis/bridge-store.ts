import type { Packed } from '../core/packed.js';
import type { Position } from '../core/position.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';

/** Who leads, and how far: what bridges know of each other. */
export interface Lease {
  readonly token: number;
  readonly beat: number;
  /** The id of the leader, '' where nobody leads. */
  readonly holder: string;
  /** The position up to which the inbox holds the messages; none before the first relay of all. */
  readonly relayed: Position | undefined;
}

/** A mark as it is published: heartbeat of the leader, cut in the flow, and progress, in one. */
export interface Mark extends Lease {
  readonly epoch: number;
  /** How many bridges have a seat. */
  readonly bridges: number;
}

/** A seat and the time of the last mark of the bridge that has it, on Redis's clock: only its change says anything. */
export interface Seat {
  readonly id: string;
  readonly lastMark: string;
}

export interface MarkRequest {
  readonly caller: string;
  /** The seat that the caller has or asks for. */
  readonly seat: string;
  /** How many bridges may be subscribed. */
  readonly seats: number;
  /** The highest mark that the caller has seen, 0 for none. */
  readonly seen: number;
  /** Of a leader: its token. */
  readonly token?: number | undefined;
  /** Of a leader that has relayed all it received: the position moves with the mark, over silence. */
  readonly advance?: { readonly from: Position; readonly to: Position } | undefined;
  /** Its subscription has ended: it only sees to what it received before. */
  readonly deaf?: boolean;
  /** A seat of a bridge that has made no mark for long: it is taken, if there is none since. */
  readonly dead?: Seat | undefined;
}

/** The mark that was made, or the seats that are all taken. */
export type MarkReply = { readonly mark: number } | { readonly taken: readonly Seat[] };

export type TakeReply =
  | {
      readonly taken: true;
      readonly token: number;
      readonly position: Position | undefined;
      /** When the leader before last beat (ms since 1970, Redis's clock); undefined where there was none. */
      readonly lastBeat: number | undefined;
    }
  | { readonly taken: false };

export interface Gap {
  readonly reason: string;
  /** Since when messages may have been missed: ms since 1970, Redis's clock; undefined for the last beat. */
  readonly since: number | undefined;
  /** Messages known to be lost, at most; 0 where nobody can know. */
  readonly dropped: number;
}

export interface RelayRequest {
  readonly caller: string;
  readonly token: number;
  readonly from: Position | undefined;
  readonly to: Position;
  readonly messages: Packed;
  /** Messages may have been missed just before these. */
  readonly gap?: Gap | undefined;
}

/** It is done; the lead is another's; or the position is another one than the caller said. */
type Fenced<Done extends string> =
  | { readonly kind: Done }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'elsewhere'; readonly position: Position | undefined };

export type RelayReply = Fenced<'written'>;
export type ReleaseReply = Fenced<'released'>;

/** The id of the bridge that leads under a name: its own id, and the number of its subscription. */
export function bridgeOf(holder: string): string {
  return holder.replace(/#\d+$/, '');
}

/** Everything a bridge says to Redis, other than subscribing. One method per script. */
export class RedisBridgeStore {
  readonly #connection: Connection;
  readonly #keys: Keys;

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** Publishes the next mark, and takes or keeps a seat. See `mark.lua`. */
  async mark(request: MarkRequest): Promise<MarkReply> {
    const { advance, dead } = request;
    const [made, ...rest] = (await this.#connection.run(
      'mark',
      [this.#keys.bridge],
      [
        this.#keys.marks,
        request.caller,
        request.seats,
        request.seen,
        request.token ?? '',
        ...(advance ? [...positionArgs(advance.from), ...positionArgs(advance.to)] : ['', '', '', '']),
        request.seat,
        dead?.id ?? '',
        dead?.lastMark ?? '',
        request.deaf ? 0 : 1,
      ],
    )) as [number, ...unknown[]];
    if (made === 1) return { mark: Number(rest[0]) };
    const taken: Seat[] = [];
    for (let i = 0; i < rest.length; i += 2)
      taken.push({ id: String(rest[i]), lastMark: String(rest[i + 1]) });
    return { taken };
  }

  /** Takes the lead if (token, beat) are as seen. See `take.lua`. */
  async take(caller: string, token: number, beat: number): Promise<TakeReply> {
    const reply = (await this.#connection.run('take', [this.#keys.bridge], [caller, token, beat])) as [
      number,
      ...string[],
    ];
    if (reply[0] !== 1) return { taken: false };
    const [, newToken, epoch, offset, lastBeat] = reply;
    return {
      taken: true,
      token: Number(newToken),
      position: positionOf(epoch, offset),
      lastBeat: lastBeat ? Number(lastBeat) : undefined,
    };
  }

  /** Writes messages to the inbox. See `relay.lua`. */
  async relay(request: RelayRequest): Promise<RelayReply> {
    const { bridge, inbox, counters, gaps } = this.#keys;
    const [code, epoch, offset] = (await this.#connection.run(
      'relay',
      [bridge, inbox, counters, gaps],
      [
        request.caller,
        request.token,
        ...positionArgs(request.from),
        ...positionArgs(request.to),
        request.gap?.reason ?? '',
        request.gap?.since ?? '',
        request.gap?.dropped ?? 0,
        ...request.messages.args,
      ],
    )) as FencedReply;
    return fenced('written', code, epoch, offset);
  }

  /** Gives up the lead, unless the position is no longer where the caller left it. See `release.lua`. */
  async release(caller: string, token: number, position: Position | undefined): Promise<ReleaseReply> {
    const args = [caller, token, ...positionArgs(position)];
    const [code, epoch, offset] = (await this.#connection.run(
      'release',
      [this.#keys.bridge],
      args,
    )) as FencedReply;
    return fenced('released', code, epoch, offset);
  }

  /** The lease as it is now. */
  async look(): Promise<Lease> {
    const fields = ['token', 'beat', 'epoch', 'offset', 'holder'];
    const reply = (await this.#connection.call('HMGET', this.#keys.bridge, ...fields)) as (string | null)[];
    const [token, beat, epoch, offset, holder] = reply.map((value) => value ?? '');
    return {
      token: Number(token),
      beat: Number(beat),
      holder: holder ?? '',
      relayed: positionOf(epoch, offset),
    };
  }

  /** Gives up a seat, so that another bridge can have it at once. */
  async leave(seat: string): Promise<void> {
    await this.#connection.call('HDEL', this.#keys.bridge, `seat:${seat}`);
  }
}

type FencedReply = [code: number, epoch?: string, offset?: string];

function fenced<Done extends string>(
  done: Done,
  code: number,
  epoch: string | undefined,
  offset: string | undefined,
): Fenced<Done> {
  if (code === 1) return { kind: done };
  if (code === 0) return { kind: 'fenced' };
  return { kind: 'elsewhere', position: positionOf(epoch, offset) };
}

function positionArgs(position: Position | undefined): [string, string] {
  return position ? [String(position.epoch), String(position.offset)] : ['', ''];
}

function positionOf(epoch: string | undefined, offset: string | undefined): Position | undefined {
  return epoch ? { epoch: Number(epoch), offset: Number(offset) } : undefined;
}

/** Epoch, token, beat, bridges; epoch and offset of the position, or two empty words; holder, or an empty word. */
const MARK = /^(\d+) (\d+) (\d+) (\d+) (?:(\d+) (\d+)| ) (\S*)$/;

/** Reads a mark as it comes over the channel; undefined for what is not one. */
export function parseMark(text: string): Mark | undefined {
  const [, epoch, token, beat, bridges, relayedEpoch, relayedOffset, holder] = MARK.exec(text) ?? [];
  if (holder === undefined) return undefined;
  return {
    epoch: Number(epoch),
    token: Number(token),
    beat: Number(beat),
    bridges: Number(bridges),
    relayed: positionOf(relayedEpoch, relayedOffset),
    holder,
  };
}
