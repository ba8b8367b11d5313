import {
  type Fenced,
  type Gap,
  type Home,
  type Lease,
  type MarkReply,
  type MarkRequest,
  MOST_AHEAD,
  type RelayReply,
  type Seat,
  type TakeReply,
} from '../../core/bridge-store.js';
import type { ArriveReply, DealtRelay, LeadReply, PassedGap } from '../../core/lane-store.js';
import { LARGEST_PACK, MOST_IN_PACK } from '../../core/pack.js';
import type { Position } from '../../core/position.js';
import { integerOf } from '../foreign.js';
import { defineScript, packOptions, packWithList } from '../protocol/script.js';

// What each is for: the interface in core/bridge-store.ts. What is atomic: the head of its Lua.

/** How a mark is published. */
interface Marking {
  /** The channel of marks. */
  readonly marks: string;
  /** The run id of the server where it is published; undefined on a plain Redis. */
  readonly server: string | undefined;
  /** Whether the caller publishes it. */
  readonly sharded?: boolean;
  /** With `sharded`: whether any bridge is subscribed. */
  readonly heard?: boolean;
}

export const mark = defineScript({
  name: 'mark',
  keys: ['bridge', 'counters'],
  encode: ({ on: _, ...request }: MarkRequest & Marking) =>
    packOptions({ ...request, mostAhead: MOST_AHEAD }),
  decode: ([made, ...rest]: [number, ...string[]]): MarkReply => {
    const home = made > 1 ? homeOf(rest.shift(), rest.shift()) : undefined;
    if (made === 3) return { taken: [], moved: true };
    if (made === 1 || made === 2) {
      const [number, secret, clock, bridges, token, beat, holder, epoch, offset, ...healed] = rest;
      return {
        mark: Number(number),
        secret: secret ?? '',
        clock: Number(clock),
        bridges: Number(bridges),
        lease: leaseOf(token, beat, holder, epoch, offset, home),
        healed,
      };
    }
    const taken: Seat[] = [];
    for (let i = 0; i < rest.length; i += 2) taken.push({ id: `${rest[i]}`, lastMark: `${rest[i + 1]}` });
    return { taken };
  },
});

export const take = defineScript({
  name: 'take',
  keys: ['bridge'],
  encode: packOptions<{ caller: string; token: number; beat: number; above?: number | undefined }>,
  decode: ([taken, token, epoch, offset, heardAt, known]: [number, ...string[]]): TakeReply =>
    taken === 1
      ? {
          taken: true,
          token: Number(token),
          position: positionOf(epoch, offset),
          lost: known === '1' && !positionOf(epoch, offset),
          lastBeat: integerOf(heardAt),
        }
      : { taken: false },
});

export const relay = defineScript({
  name: 'relay',
  // A call whose reply was lost finds the position moved.
  lasting: ({ kind }) => kind === 'written' || kind === 'elsewhere',
  often: true,
  keys: ['bridge', 'inbox', 'counters', 'gaps', 'packs', 'busy', 'held'],
  encode: ({
    messages,
    packSize,
    on: _,
    ...rest
  }: DealtRelay & { last: string | undefined; keys?: string }) => {
    const options = { ...rest, mostAhead: MOST_AHEAD };
    const most = Math.min(packSize, MOST_IN_PACK);
    const packs = most > 1 && messages.length > 1 ? messages.packs(most, LARGEST_PACK) : undefined;
    if (!packs) return packWithList(options, messages.list);
    return packWithList({ ...options, packs: packs.counts }, packs);
  },
  decode: (reply: FencedReply): RelayReply & { last?: string | undefined } => {
    if (reply[0] === 3) return { kind: 'late' };
    const done = fenced('written', reply);
    return done.kind === 'written' ? { ...done, last: reply[1] } : done;
  },
});

/** See {@link LaneStore.lead}. */
export const lead = defineScript({
  name: 'lead',
  keys: ['bridge'],
  encode: packOptions<{ caller: string; token: number }>,
  decode: ([led, first, offset, passed]: [number, ...string[]]): LeadReply =>
    led === 1
      ? { led: true, position: positionOf(first, offset), passed: passedIn(passed) }
      : { led: false, token: Number(first) },
});

/** See {@link LaneStore.arrive}. */
export const arrive = defineScript({
  name: 'arrive',
  keys: ['bridge'],
  encode: packOptions<{ mark: number; server: string | undefined }>,
  decode: ([arrived, number, epoch]: [number, string, string?]): ArriveReply =>
    arrived === 1
      ? { arrived: true, elapsed: Number(number), isWritten: epoch !== '' }
      : { arrived: false, mark: Number(number) },
});

export const release = defineScript({
  name: 'release',
  keys: ['bridge'],
  encode: packOptions<{ caller: string; token: number; position: Position | undefined }>,
  decode: (reply: FencedReply) => fenced('released', reply),
});

export const missed = defineScript({
  name: 'missed',
  keys: ['gaps', 'counters'],
  encode: packOptions<{ caller: string; gap: Gap }>,
  decode: (_reply: number) => {},
});

type FencedReply = [code: number, epoch?: string, offset?: string];

function fenced<Done extends string>(done: Done, [code, epoch, offset]: FencedReply): Fenced<Done> {
  if (code === 1) return { kind: done };
  if (code === 0) return { kind: 'fenced' };
  return { kind: 'elsewhere', position: positionOf(epoch, offset) };
}

/** A lease from its texts in Redis, which may be foreign. */
export function leaseOf(
  token: string | undefined,
  beat: string | undefined,
  holder: string | undefined,
  epoch: string | undefined,
  offset: string | undefined,
  home?: Home,
): Lease {
  return {
    token: integerOf(token) ?? 0,
    beat: integerOf(beat) ?? 0,
    holder: holder ?? '',
    relayed: positionOf(epoch, offset),
    home,
  };
}

/** The home of the bridges from its texts in Redis; undefined if there is none. */
export function homeOf(server: string | undefined, since: string | undefined): Home | undefined {
  const number = integerOf(since);
  return server && number !== undefined ? { server, since: number } : undefined;
}

function passedIn(text = ''): PassedGap | undefined {
  const [epoch, offset, since] = text.split(' ');
  const at = positionOf(epoch, offset);
  return at && { at, since: integerOf(since) ?? at.epoch };
}

/** A position from its texts in Redis; undefined if there is none yet, or a foreign value. */
export function positionOf(epoch: string | undefined, offset: string | undefined): Position | undefined {
  const [e, o] = [integerOf(epoch), integerOf(offset)];
  return e === undefined || o === undefined ? undefined : { epoch: e, offset: o };
}
