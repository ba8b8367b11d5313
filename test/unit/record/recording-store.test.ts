import { describe, expect, test } from 'vitest';
import type { DeadLetter, Halt, PackSettlement, Result } from '../../../src/core/consumer-store.js';
import { CgroupError } from '../../../src/core/errors.js';
import type { RecordedResult, Recorder, RecordRow } from '../../../src/core/record.js';
import { recordingStore } from '../../../src/record/recording-store.js';
import { fakeStore } from '../../helpers/fake-store.js';

/** A record in memory that refuses data with the word `bad`, and a store that notes what it gets. */
function stage({ away = false, settled = [] as string[], halts = [] as Halt[] } = {}) {
  const rows = new Map<string, RecordRow>();
  const did: string[] = [];
  const committed: (readonly Result[])[] = [];
  const packs: (readonly PackSettlement[])[] = [];
  const buried: DeadLetter[] = [];
  const reported: DeadLetter[] = [];
  const halted: Halt[] = [];
  const found = ({ inboxId, messageId, data }: RecordRow): RecordedResult => ({ inboxId, messageId, data });
  const recorder: Recorder = {
    away,
    start: async () => {},
    stop: async () => {},
    async write(given) {
      did.push('write');
      if (away) throw new CgroupError('RECORD_AWAY', 'away');
      const taken = given.filter(({ data }) => !data.includes('bad'));
      for (const row of taken) if (!rows.has(row.inboxId)) rows.set(row.inboxId, row);
      return {
        refused: given
          .filter(({ data }) => data.includes('bad'))
          .map(({ inboxId }) => ({ inboxId, error: `no ${inboxId}` })),
        before: taken.flatMap(({ inboxId, data }) => {
          const row = rows.get(inboxId);
          return row && row.data !== data ? [found(row)] : [];
        }),
      };
    },
    find: async (inboxIds) => inboxIds.flatMap((id) => rows.get(id) ?? []).map(found),
  };
  const store = recordingStore({
    store: fakeStore({
      commit: async (results) => {
        did.push('commit');
        committed.push(results);
        return [];
      },
      settlePacks: async (given) => {
        packs.push(given);
        return [];
      },
      bury: async (letters) => {
        did.push('bury');
        buried.push(...letters);
        return { kept: buried.length, late: [], ...(halts.length > 0 && { halted: halts }) };
      },
      messageOf: async (id) => (settled.includes(id) ? undefined : `message of ${id}`),
    }),
    recorder,
    deadMaxLen: 0,
    onBuried: (letters) => reported.push(...letters),
    onHalted: (halts) => halted.push(...halts),
  });
  return { store, rows, did, committed, packs, buried, reported, halted };
}

const result = (n: number, data = `{"n":${n}}`): Result => ({
  entryId: `${n}-0`,
  inboxId: `${n}-0`,
  consumerId: 'c1',
  messageId: `m${n}`,
  data,
});
const letter = (n: number, attempts: number): DeadLetter => ({
  entryId: `${n}-0`,
  inboxId: `${n}-0`,
  consumerId: 'c2',
  message: 'x',
  reason: attempts === 0 ? 'invalid-json' : 'failed',
  error: 'no',
  attempts,
  failed: true,
});

describe('results', () => {
  test('are in the record before they are committed', async () => {
    const { store, rows, did, committed } = stage();
    const timed = { ...result(1_000), attempts: 3, startedAt: 1_004, finishedAt: 1_009 };
    await store.commit([timed, result(2_000)], 0);
    expect(did).toEqual(['write', 'commit']);
    expect(committed[0]).toEqual([timed, result(2_000)]);
    expect([...rows.values()]).toMatchObject([
      { attempts: 3, publishedAt: 1_000, startedAt: 1_004, finishedAt: 1_009 },
      { attempts: 1, publishedAt: 2_000, startedAt: 2_000, finishedAt: 2_000 },
    ]);
  });

  test('are not committed while the record is away', async () => {
    const { store, did } = stage({ away: true });
    await expect(store.commit([result(1)], 0)).rejects.toMatchObject({ code: 'RECORD_AWAY' });
    expect(did).toEqual(['write']);
  });

  test('that the record refuses become dead letters, unless they are settled', async () => {
    const { store, did, committed, buried, reported } = stage({ settled: ['3-0'] });
    await store.commit([result(1, 'bad'), result(2), result(3, 'bad')], 0);
    expect(did).toEqual(['write', 'commit', 'bury']);
    expect(committed[0]).toEqual([result(2)]);
    expect(buried).toEqual([
      {
        ...{ entryId: '1-0', inboxId: '1-0', consumerId: 'c1', message: 'message of 1-0' },
        ...{ reason: 'failed', error: 'no 1-0', attempts: 1, failed: true },
      },
    ]);
    expect(reported).toEqual(buried);
  });

  test('that the record refuses keep their key and times as dead letters, and may stop the order', async () => {
    const halts = [{ deadId: '9-0', inboxId: '1-0', key: '"k"' }];
    const { store, buried, halted } = stage({ halts });
    await store.commit([{ ...result(1, 'bad'), key: '"k"', attempts: 2, startedAt: 3, finishedAt: 4 }], 0);
    expect(buried).toMatchObject([{ key: '"k"', attempts: 2, startedAt: 3, finishedAt: 4 }]);
    expect(halted).toEqual(halts);
  });

  test('are those of the record, if an earlier attempt wrote others', async () => {
    const { store, committed } = stage();
    await store.commit([result(1, 'first')], 0);
    await store.commit([{ ...result(1, 'second'), consumerId: 'c9' }, result(2)], 0);
    expect(committed[1]).toEqual([{ ...result(1, 'first'), consumerId: 'c9' }, result(2)]);
  });
});

describe('dead letters', () => {
  test('of messages that have a row are committed with it instead', async () => {
    const { store, committed, buried } = stage();
    await store.commit([result(1, 'first')], 0);
    const keyed = { ...letter(1, 5), key: '"k"', startedAt: 3, finishedAt: 4 };
    expect(await store.bury([keyed, letter(2, 5), letter(3, 0)], 0)).toEqual({ kept: 2, late: [] });
    const [settled] = committed[1] ?? [];
    expect(settled).toMatchObject({ ...result(1, 'first'), consumerId: 'c2', attempts: 5 });
    expect(settled).toMatchObject({ key: '"k"', startedAt: 3, finishedAt: 4 });
    expect(buried.map(({ inboxId }) => inboxId)).toEqual(['2-0', '3-0']);
  });
});
