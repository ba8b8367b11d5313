import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import type { Phase } from '../../src/bridge/machine.js';
import { BridgeSession } from '../../src/bridge/session.js';
import { silentLogger } from '../../src/logger.js';
import type { Connection } from '../../src/redis/connection.js';
import type { LeaseStore, MarkRequest } from '../../src/redis/lease.js';

it('a leader whose subscription has ended beats until all it received is relayed', async () => {
  const redis = new EventEmitter();
  const subscriber = Object.assign(new EventEmitter(), { redis, subscribe: async () => {}, close: () => {} });
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
    store: store as unknown as LeaseStore,
    subscriber: subscriber as unknown as Connection,
    log: silentLogger,
    mayTake: () => true,
    onPhase: (now) => {
      phase = now;
    },
    onGap: () => {},
  });
  await session.subscribe();
  const done = session.run();
  redis.emit('messageBuffer', Buffer.from('marks'), Buffer.from('10 0 0 1   '));
  redis.emit('messageBuffer', Buffer.from('news'), Buffer.from('a'));
  await vi.waitFor(() => expect(phase).toBe('leading'));
  subscriber.emit('lost');
  const before = marks.length;
  await vi.waitFor(() => expect(marks.length).toBeGreaterThan(before + 1));
  expect(marks.at(-1)).toMatchObject({ caller: 'me#1', seat: 'me', token: 7 });
  written();
  await done;
});
