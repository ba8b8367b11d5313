import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import type { Phase } from '../../../src/bridge/machine.js';
import { BridgeSession, type SessionOptions } from '../../../src/bridge/session.js';
import type { MarkRequest } from '../../../src/core/bridge-store.js';
import { silentLogger } from '../../../src/log/logger.js';
import type { RedisBridgeStore } from '../../../src/redis/bridge-store.js';
import type { Connection } from '../../../src/redis/protocol/connection.js';
import type { OnPush } from '../../../src/redis/protocol/pushes.js';

/** A session on a Redis that is played: relays are answered when the test says so. */
async function sessionOf(options: Partial<SessionOptions> = {}) {
  let listeners: ReadonlyMap<string, OnPush> = new Map();
  const subscriber = Object.assign(new EventEmitter(), {
    subscribe: async (channels: ReadonlyMap<string, OnPush>) => {
      listeners = channels;
    },
    close: () => {},
  });
  const marks: MarkRequest[] = [];
  let written: () => void = () => {};
  const store = {
    mark: async (request: MarkRequest) => {
      marks.push(request);
      return { mark: 10 + marks.length };
    },
    take: async () => ({ taken: true, token: 7, position: { epoch: 10, offset: 0 }, lastBeat: undefined }),
    relay: () =>
      new Promise((resolve) => {
        written = () => resolve({ kind: 'written' });
      }),
    release: async () => ({ kind: 'released' }),
  };
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
    store: store as unknown as RedisBridgeStore,
    subscriber: subscriber as unknown as Connection,
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
      listeners.get(channel)?.(Buffer.from(text), 0, Buffer.byteLength(text)),
    inPhase: (wanted: Phase) => vi.waitFor(() => expect(phase).toBe(wanted)),
    written: () => written(),
  };
}

it('a leader whose subscription has ended beats until all it received is relayed', async () => {
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

it('messages that a full buffer drops are logged at once and then every 30 s, but not by a follower', async () => {
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
