import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import type { Phase } from '../../../src/bridge/action.js';
import { BridgeSession } from '../../../src/bridge/session.js';
import type { SessionOptions } from '../../../src/bridge/session-options.js';
import type {
  BridgeStore,
  Gap,
  MadeMark,
  MarkRequest,
  RelayReply,
  RelayRequest,
} from '../../../src/core/bridge-store.js';
import { CgroupError } from '../../../src/core/errors.js';
import type { Position } from '../../../src/core/position.js';
import type { OnPush, Subscriber } from '../../../src/core/subscriber.js';
import { silentLogger } from '../../../src/log/logger.js';
import { fakeBridgeStore } from '../../helpers/fake-bridge-store.js';
import { madeMark, markText, SECRET } from '../../helpers/marks.js';

class FakeSubscriber extends EventEmitter<{ lost: [] }> implements Subscriber {
  channels: ReadonlyMap<string, OnPush> = new Map();
  bytesReceived = 0;
  isPlain = true;
  server: string | undefined;

  async connect(): Promise<void> {}
  async subscribe(channels: ReadonlyMap<string, OnPush>): Promise<void> {
    this.channels = channels;
  }
  async unsubscribe(): Promise<void> {}
  close(): void {}
}

/** The stores of the sessions, whose methods a test may replace. */
const stores = new WeakMap<BridgeSession, { store: BridgeStore }>();

/** A session with a fake Redis: a relay is answered when the test calls `written`. */
async function sessionOf(
  options: Partial<SessionOptions> = {},
  reply: Partial<MadeMark> = {},
  server?: string,
) {
  const subscriber = new FakeSubscriber();
  subscriber.server = server;
  subscriber.isPlain = server === undefined;
  const marks: MarkRequest[] = [];
  const relays: RelayRequest[] = [];
  let written: () => void = () => {};
  let relayed: Position = { epoch: 10, offset: 0 };
  const store = fakeBridgeStore({
    mark: async (request) => {
      marks.push(request);
      return madeMark(10 + marks.length, reply);
    },
    lastMark: async () => 9,
    take: async () => ({
      taken: true,
      token: 7,
      position: { epoch: 10, offset: 0 },
      lost: false,
      lastBeat: undefined,
    }),
    relay: (request) =>
      new Promise<RelayReply>((resolve) => {
        relays.push(request);
        written = () => {
          relayed = request.to;
          resolve({ kind: 'written' });
        };
      }),
    release: async () => ({ kind: 'released' }),
    readLease: async () => ({ token: 7, beat: 1, holder: 'me#1', relayed }),
  });
  let phase: Phase = 'joining';
  const session = new BridgeSession({
    id: 'me#1',
    seat: 'me',
    seats: 2,
    packSize: () => 1,
    secret: SECRET,
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
  stores.set(session, { store });
  await session.subscribe();
  return {
    session,
    subscriber,
    marks,
    relays,
    done: session.run(),
    hear: (channel: string, text: string) =>
      subscriber.channels.get(channel)?.(Buffer.from(text), 0, Buffer.byteLength(text)),
    inPhase: (wanted: Phase) => vi.waitFor(() => expect(phase).toBe(wanted)),
    written: () => written(),
  };
}

it('a leader whose subscription has ended beats until all its messages are relayed', async () => {
  const { subscriber, marks, done, hear, inPhase, written } = await sessionOf();
  hear('marks', markText(10));
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
  const { session, marks, done, hear, inPhase } = await sessionOf(
    { limits: { retain: 5_000, retainBytes: 1_000, bytes: 1_000 }, log: { ...silentLogger, error } },
    { lease: { token: 5, beat: 1, holder: 'other', relayed: undefined } },
  );
  const someMarks = () => {
    const before = marks.length;
    return vi.waitFor(() => expect(marks.length).toBeGreaterThan(before + 2));
  };
  hear('marks', markText(10));
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

const endReason = (session: BridgeSession) =>
  vi.waitFor(() => expect(session.ended.aborted).toBe(true), 5_000);

it('texts on the marks channel that prove nothing are ignored, counted and logged once', async () => {
  const warn = vi.fn();
  const { session, marks, done, hear } = await sessionOf({ log: { ...silentLogger, warn } });
  const texts = [
    '9'.repeat(400),
    '11 0 0 1   ',
    markText(12, 'f'.repeat(64)),
    markText(13).replace('13', '14'),
    markText(9), // not newer than the last mark before the subscription
    markText(1e15), // too far ahead of the clock of Redis
    '',
  ];
  await vi.waitFor(() => expect(marks.length).toBeGreaterThan(0));
  for (const text of texts) hear('marks', text);
  expect(session.phase).toBe('joining');
  await vi.waitFor(() => expect(marks.map(({ foreign }) => foreign)).toContain(texts.length));
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn.mock.calls[0]?.[1]).toMatch(/^1 text on the channel marks ignored/);
  // What is counted once is not counted again.
  const counted = marks.length;
  await vi.waitFor(() => expect(marks.length).toBeGreaterThan(counted));
  expect(marks.at(-1)?.foreign).toBe(0);
  session.abandon();
  await done;
});

it('a subscription over which no byte comes is dead; one over which bytes come is not, however late its marks are', async () => {
  const { session, subscriber, marks, done } = await sessionOf();
  const slow = setInterval(() => {
    subscriber.bytesReceived += 1_000;
  }, 50);
  await vi.waitFor(() => expect(marks.length).toBeGreaterThan(25), 5_000);
  expect(session.ended.aborted).toBe(false);
  clearInterval(slow);
  await endReason(session);
  expect(session.ended.reason).toBe('the subscription is dead: nothing comes back');
  await done;
}, 10_000);

it('a session ends if Redis has another secret: it has not seen the same marks as others', async () => {
  const { session, done } = await sessionOf({}, { secret: 'e'.repeat(64) });
  await endReason(session);
  expect(session.ended.reason).toBe('the secret of the marks has changed');
  await done;
});

it('logs the fields of the hash that held foreign values', async () => {
  const warn = vi.fn();
  const { session, done } = await sessionOf(
    { log: { ...silentLogger, warn } },
    { healed: ['token', 'holder'] },
  );
  await vi.waitFor(() => expect(warn).toHaveBeenCalled());
  expect(warn.mock.calls[0]).toEqual([
    { healed: ['token', 'holder'] },
    'replaced foreign values in the hash of the bridge: token, holder',
  ]);
  session.abandon();
  await done;
});

it('each relay has the pack size that holds when it is sent', async () => {
  let packSize = 1;
  const { session, relays, done, hear, inPhase, written } = await sessionOf({ packSize: () => packSize });
  hear('marks', markText(10));
  hear('news', 'a');
  await inPhase('leading');
  await vi.waitFor(() => expect(relays).toHaveLength(1));
  packSize = 60;
  hear('news', 'b');
  written();
  await vi.waitFor(() => expect(relays).toHaveLength(2));
  packSize = 3;
  hear('news', 'c');
  written();
  await vi.waitFor(() => expect(relays).toHaveLength(3));
  expect(relays.map((relay) => relay.packSize)).toEqual([1, 60, 3]);
  session.abandon();
  written();
  await done;
});

describe('a session on one of several servers', () => {
  const [HERE, THERE] = ['a'.repeat(40), 'b'.repeat(40)];

  /** A session that leads at the server `HERE`, and what its store is asked for. */
  async function leading(options: Partial<SessionOptions> = {}, reply: Partial<MadeMark> = {}) {
    const made = await sessionOf(options, reply, HERE);
    made.hear('marks', markText(10, SECRET, HERE));
    await made.inPhase('leading');
    return made;
  }

  it('ends before a mark of another server cuts, and takes no message after it', async () => {
    const { session, relays, done, hear, written } = await leading();
    const { store } = stores.get(session) as { store: BridgeStore };
    hear('news', 'before');
    await vi.waitFor(() => expect(relays).toHaveLength(1));
    const relayed = { epoch: 10, offset: 1 };
    store.mark = async () => madeMark(30, { lease: { token: 7, beat: 2, holder: 'me#1', relayed } });
    expect(relays[0]).toMatchObject({ on: HERE, server: HERE, to: { epoch: 10, offset: 1 } });
    hear('marks', markText(20, SECRET, THERE));
    hear('news', 'after');
    hear('marks', markText(21, SECRET, HERE));
    expect(session.ended.reason).toBe('the group is on another server now');
    expect(session.buffered).toBe(1);
    expect(session.seen).toBe(10);
    written();
    await done;
    expect(relays).toHaveLength(1);
  });

  it('takes a mark of a bridge that knows of one server only', async () => {
    const { session, done, hear } = await leading();
    hear('marks', markText(20));
    expect(session.seen).toBe(20);
    session.abandon();
    await done;
  });

  it('ends when its commands go to another server', async () => {
    const { session, done } = await leading({}, {}); // marks are answered by the fake store
    const { store } = stores.get(session) as { store: BridgeStore };
    store.mark = async () => {
      throw new CgroupError('OTHER_SERVER', 'another one');
    };
    await endReason(session);
    expect(session.ended.reason).toBe('the group is on another server now');
    await done;
  });

  it('ends when the other bridges are at another server, and gives up what is taken no more', async () => {
    const { session, marks, relays, done } = await leading();
    const { store } = stores.get(session) as { store: BridgeStore };
    store.mark = async (request) => {
      marks.push(request);
      return { taken: [], moved: true };
    };
    store.relay = async (request) => {
      relays.push(request);
      return { kind: 'late' };
    };
    await endReason(session);
    expect(session.ended.reason).toBe('the group is on another server now');
    expect(marks.at(-1)).toMatchObject({ on: HERE, deaf: false });
    await done;
    expect(relays).toHaveLength(0);

    const other = await leading();
    const its = stores.get(other.session) as { store: BridgeStore };
    its.store.relay = store.relay;
    other.hear('news', 'a');
    await vi.waitFor(() => expect(relays).toHaveLength(1));
    other.session.end('a test');
    await other.done;
    expect(relays).toHaveLength(1);
    expect(other.session.buffered).toBe(0);
  });

  it('tells a gap for what came when the other bridges were at another server already', async () => {
    const gaps: Gap[] = [];
    const { session, done, hear } = await leading({ onGap: (gap) => gaps.push(gap) });
    const { store } = stores.get(session) as { store: BridgeStore };
    const missed = vi.fn(async () => {
      expect(gaps).toHaveLength(1);
    });
    store.missed = missed;
    store.readLease = async () => ({
      token: 9,
      beat: 1,
      holder: 'other',
      relayed: { epoch: 40, offset: 0 },
      home: { server: THERE, since: 15 },
    });
    hear('marks', markText(12, SECRET, HERE));
    hear('marks', markText(18, SECRET, HERE));
    hear('news', 'x');
    session.end('a test');
    await done;
    const gap = { reason: 'the other bridges were at another server', since: 15, dropped: 0 };
    expect(missed).toHaveBeenCalledTimes(1);
    expect(missed).toHaveBeenCalledWith('me#1', gap);
    expect(gaps).toEqual([gap]);
  });
});
