import type {
  Fenced,
  MarkReply,
  MarkRequest,
  RelayRequest,
  Seat,
  TakeReply,
} from '../../core/bridge-store.js';
import type { Position } from '../../core/position.js';
import { defineScript, packOptions } from '../protocol/script.js';

// What each is for: the interface in core/bridge-store.ts. What is atomic: the head of its Lua.

/** `marks` is the channel of marks. */
export const mark = defineScript({
  name: 'mark',
  keys: ['bridge'],
  encode: packOptions<MarkRequest & { marks: string }>,
  decode: ([made, ...rest]: [number, ...string[]]): MarkReply => {
    if (made === 1) return { mark: Number(rest[0]) };
    const taken: Seat[] = [];
    for (let i = 0; i < rest.length; i += 2) taken.push({ id: `${rest[i]}`, lastMark: `${rest[i + 1]}` });
    return { taken };
  },
});

export const take = defineScript({
  name: 'take',
  keys: ['bridge'],
  encode: packOptions<{ caller: string; token: number; beat: number }>,
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

export const relay = defineScript({
  name: 'relay',
  keys: ['bridge', 'inbox', 'counters', 'gaps'],
  encode: ({ caller, token, from, to, gap, messages }: RelayRequest) => [
    ...packOptions({ caller, token, from, to, gap }),
    ...messages.args,
  ],
  decode: (reply: FencedReply) => fenced('written', reply),
});

export const release = defineScript({
  name: 'release',
  keys: ['bridge'],
  encode: packOptions<{ caller: string; token: number; position: Position | undefined }>,
  decode: (reply: FencedReply) => fenced('released', reply),
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
