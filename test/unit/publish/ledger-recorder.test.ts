import { describe, expect, it } from 'vitest';
import { LedgerRecorder } from '../../../src/publish/ledger-recorder.js';

const message = (id: unknown) => Buffer.from(JSON.stringify({ message_id: id }));

describe('the recorder of a ledger', () => {
  it('writes all ids that it receives, those of others too, in order', () => {
    const ids: string[] = [];
    const recorder = new LedgerRecorder((id) => ids.push(id));
    recorder.expect('b');
    for (const id of ['c', 'b', 7, 'c']) recorder.receive(message(id));
    expect(ids).toEqual(['c', 'b', '7', 'c']);
    expect(recorder).toMatchObject({ awaited: 0, unlisted: 0 });
  });

  it('counts messages without an id that a ledger can hold', () => {
    const recorder = new LedgerRecorder(() => expect.unreachable());
    for (const bytes of [Buffer.from('{'), Buffer.from('{}'), message('a\nb'), message('')])
      recorder.receive(bytes);
    expect(recorder.unlisted).toBe(4);
  });

  it('waits until at most so many are awaited', async () => {
    const recorder = new LedgerRecorder(() => {}, 60_000);
    for (const id of ['a', 'b', 'c']) recorder.expect(id);
    await recorder.until(3);
    let reached = false;
    const waiting = recorder.until(1).then(() => {
      reached = true;
    });
    recorder.receive(message('other'));
    recorder.receive(message('c'));
    await new Promise(setImmediate);
    expect(reached).toBe(false);
    recorder.receive(message('a'));
    await waiting;
    expect(recorder.awaited).toBe(1);
  });

  it('stops waiting when it receives nothing', async () => {
    const recorder = new LedgerRecorder(() => {}, 20);
    recorder.expect('a');
    recorder.expect('b');
    recorder.receive(message('a'));
    await expect(recorder.until(0)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringMatching(
        /1 published messages are missing.*received nothing for 0.02 s/,
      ) as string,
    });
  });

  it('goes on waiting while it receives our own messages', async () => {
    const recorder = new LedgerRecorder(() => {}, 60);
    const ids = Array.from({ length: 20 }, (_, i) => `id${i}`);
    for (const id of ids) recorder.expect(id);
    const waiting = recorder.until(0);
    const timer = setInterval(() => recorder.receive(message(ids.shift())), 10);
    await waiting.finally(() => clearInterval(timer));
  });

  it('stops waiting when it receives only messages of others', async () => {
    const recorder = new LedgerRecorder(() => {}, 30);
    recorder.expect('a');
    const timer = setInterval(() => recorder.receive(message('other')), 5);
    await expect(recorder.until(0).finally(() => clearInterval(timer))).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
  });

  it('stops waiting at once when the subscription is gone', async () => {
    const recorder = new LedgerRecorder(() => {}, 60_000);
    recorder.expect('a');
    const waiting = recorder.until(0);
    recorder.lose();
    await expect(waiting).rejects.toMatchObject({ message: expect.stringContaining('cut off') as string });
    await expect(recorder.until(0)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(recorder.until(1)).resolves.toBeUndefined();
  });
});
