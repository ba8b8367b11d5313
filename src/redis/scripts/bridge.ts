import type {
  Fenced,
  MarkReply,
  MarkRequest,
  RelayReply,
  RelayRequest,
  ReleaseReply,
  Seat,
  TakeReply,
} from '../../core/bridge-store.js';
import { packValue } from '../../core/packed.js';
import type { Position } from '../../core/position.js';
import { defineScript } from '../protocol/script.js';

/** Publishes the next mark, and takes or keeps a seat. `marks` is the channel of marks. */
export const mark = defineScript({
  name: 'mark',
  keys: ['bridge'],
  encode: (request: MarkRequest & { marks: string }) => [packValue(request)],
  decode: ([made, ...rest]: [number, ...string[]]): MarkReply => {
    if (made === 1) return { mark: Number(rest[0]) };
    const taken: Seat[] = [];
    for (let i = 0; i < rest.length; i += 2) taken.push({ id: `${rest[i]}`, lastMark: `${rest[i + 1]}` });
    return { taken };
  },
});

/** Takes the lead if token and beat are still those given. */
export const take = defineScript({
  name: 'take',
  keys: ['bridge'],
  encode: (seen: { caller: string; token: number; beat: number }) => [packValue(seen)],
  decode: ([taken, token, epoch, offset, heardAt]: [number, ...string[]]): TakeReply =>
    taken === 1
      ? {
          taken: true,
          token: Number(token),
          position: positionOf(epoch, offset),
          lastBeat: heardAt ? Number(heardAt) : undefined,
        }
      : { taken: false },
});

/** Writes messages to the inbox and moves the position. */
export const relay = defineScript({
  name: 'relay',
  keys: ['bridge', 'inbox', 'counters', 'gaps'],
  encode: ({ caller, token, from, to, gap, messages }: RelayRequest) => [
    packValue({ caller, token, from, to, gap }),
    ...messages.args,
  ],
  decode: (reply: FencedReply): RelayReply => fenced('written', reply),
});

/** Gives up the lead, unless the position has moved from where the caller left it. */
export const release = defineScript({
  name: 'release',
  keys: ['bridge'],
  encode: (left: { caller: string; token: number; position: Position | undefined }) => [packValue(left)],
  decode: (reply: FencedReply): ReleaseReply => fenced('released', reply),
});

type FencedReply = [code: number, epoch?: string, offset?: string];

function fenced<Done extends string>(done: Done, [code, epoch, offset]: FencedReply): Fenced<Done> {
  if (code === 1) return { kind: done };
  if (code === 0) return { kind: 'fenced' };
  return { kind: 'elsewhere', position: positionOf(epoch, offset) };
}

/** A position from its texts in Redis; undefined if there is none yet. */
export function positionOf(epoch: string | undefined, offset: string | undefined): Position | undefined {
  return epoch ? { epoch: Number(epoch), offset: Number(offset) } : undefined;
}
