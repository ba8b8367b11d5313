import { expect, it } from 'vitest';
import { waitingMessages } from '../../../src/observe/peek.js';
import type { StreamEntry } from '../../../src/redis/reading.js';

async function* entries(...ids: string[]): AsyncGenerator<StreamEntry> {
  for (const id of ids) yield { id, fields: { message: Buffer.from(`m${id}`) } };
}

/** A lane with entries in its packs and in its inbox, and messages behind others of their key. */
function laneWith(packs: string[], inbox: string[], held: string[] = []) {
  const asked: number[] = [];
  const waiting = (most: number) => {
    asked.push(most);
    return { runs: [entries(...packs), entries(...inbox)], held: entries(...held) };
  };
  return { asked, waiting };
}

async function shown(lanes: readonly ReturnType<typeof laneWith>[], most: number) {
  const found: (string | null)[] = [];
  for await (const { id } of waitingMessages({ lanes }, most)) found.push(id);
  return found;
}

it('shows the messages of all lanes, the oldest first, and those behind their key last', async () => {
  const lanes = [
    laneWith(['10-1', '30-1'], ['5-0', '9-0'], ['', '4-0']),
    laneWith([], []),
    laneWith(['7-1'], ['100-0'], ['']),
  ];
  const all = ['5-0', '7-1', '9-0', '10-1', '30-1', '100-0', null, '4-0', null];
  expect(await shown(lanes, 100)).toEqual(all);
  for (const most of [1, 3, 6, 7]) expect(await shown(lanes, most)).toEqual(all.slice(0, most));
  expect(lanes[0]?.asked).toEqual([100, 1, 3, 6, 7]);
});
