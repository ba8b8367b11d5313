import type {
  BridgeStore,
  Fenced,
  Lease,
  MarkReply,
  MarkRequest,
  RelayReply,
  RelayRequest,
  ReleaseReply,
  Seat,
  TakeReply,
} from '../core/bridge-store.js';
import type { Position } from '../core/position.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';

/** Everything a bridge says to Redis, other than subscribing. One method per script. */
export class RedisBridgeStore implements BridgeStore {
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
