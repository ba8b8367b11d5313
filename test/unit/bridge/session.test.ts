import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import type { Phase } from '../../../src/bridge/machine.js';
import { BridgeSession, type SessionOptions } from '../../../src/bridge/session.js';
import type { MarkRequest, RelayReply } from '../../../src/core/bridge-store.js';
import type { OnPush, Subscriber } from '../../../src/core/subscriber.js';
import { silentLogger } from '../../../src/log/logger.js';
import { fakeBridgeStore } from '../../helpers/fake-bridge-store.js';

class FakeSubscriber extends EventEmitter<{ lost: [] }> implements Subscriber {
  channels: ReadonlyMap<string, OnPush> = new Map();

  async connect(): Promise<void> {}
  async subscribe(channels: ReadonlyMap<string, OnPush>): Promise<void> {
    this.channels = channels;
  }
  async unsubscribe(): Promise<void> {}
  close(): void {}
}

/** A session with a fake Redis: a relay is answered when the test calls `written`. */
async function sessionOf(options: Partial<SessionOptions> = {}) {
  const subscriber = new FakeSubscriber();
  const marks: MarkRequest[] = [];
  let written: () => void = () => {};
  const store = fakeBridgeStore({
    mark: async (request) => {
      marks.push(request);
      return { mark: 10 + marks.length };
    },
    take: async () => ({ taken: true, token: 7, position: { epoch: 10, offset: 0 }, lastBeat: undefined }),
    relay: () =>
      new Promise<RelayReply>((resolve) => {
        written = () => resolve({ kind: 'written' });
      }),
    release: async () => ({ kind: 'released' }),
  });
  let phase: Phase = 'joining';
  const session = new BridgeSession({
    id: 'me#1',
    seat: 'me',
    seats: 2,
    lease: 1_000,
    channel: 'news',
    marks: 'marks',
    limits: { retain: 5_000, retainBytes: 1e6, bytes: 1e6 },
    seen: 0,
    store,
    subscriber,
    log: silentLogger,
    mayTake: () => true,
    onPhase: (now) => {
      phase = now;
    },
    onGap: () => {},
    ...options,
  });
  await session.subscribe();
  return {
    session,
    subscriber,
    marks,
    done: session.run(),
    hear: (channel: string, text: string) =>
      subscriber.channels.get(channel)?.(Buffer.from(text), 0, Buffer.byteLength(text)),
    inPhase: (wanted: Phase) => vi.waitFor(() => expect(phase).toBe(wanted)),
    written: () => written(),
  };
}

it('a leader whose subscription has ended beats until all its messages are relayed', async () => {
  const { subscriber, marks, done, hear, inPhase, written } = await sessionOf();
  hear('marks', '10 0 0 1   ');
  hear('news', 'a');
  await inPhase('leading');
  subscriber.emit('lost');
  const before = marks.length;
  await vi.waitFor(() => expect(marks.length).toBeGreaterThan(before + 1));
  expect(marks.at(-1)).toMatchObject({ caller: 'me#1', seat: 'me', token: 7 });
  written();
  await done;
});

it('a leader logs the messages that a full buffer drops, at once and then every 30 s; a follower does not', async () => {
  const error = vi.fn();
  const { session, marks, done, hear, inPhase } = await sessionOf({
    limits: { retain: 5_000, retainBytes: 1_000, bytes: 1_000 },
    log: { ...silentLogger, error },
  });
  const someMarks = () => {
    const before = marks.length;
    return vi.waitFor(() => expect(marks.length).toBeGreaterThan(before + 2));
  };
  hear('marks', '10 5 1 1   other');
  for (let i = 0; i < 20; i++) hear('news', 'a message');
  await inPhase('following');
  await someMarks();
  expect(error).not.toHaveBeenCalled();

  await inPhase('leading');
  for (let turn = 0; turn < 3; turn++) {
    for (let i = 0; i < 20; i++) hear('news', 'a message');
    await someMarks();
  }
  expect(error).toHaveBeenCalledTimes(1);
  expect(error.mock.calls[0]?.[1]).toMatch(/^the buffer is full \(bufferLimit\): \d+ messages/);
  session.abandon();
  await done;
});
