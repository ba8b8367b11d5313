import type { ServerResponse } from 'node:http';
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { EventStreams } from '../../../src/http/event-streams.js';
import { hasToken, isOwnHost } from '../../../src/http/guard.js';
import { notReadyBecause, Standstill } from '../../../src/http/readiness.js';
import { RecentSteps } from '../../../src/http/recent-steps.js';
import { ProcessStats } from '../../../src/observe/process-stats.js';

describe('isOwnHost', () => {
  const own = ['group-a', '0.0.0.0'];
  it.each([
    'localhost',
    'LOCALHOST:9464',
    '127.0.0.1',
    '127.0.0.1:80',
    '10.1.2.3:9464',
    '[::1]:9464',
    '[::1]',
    'group-a:1',
    'Group-A',
  ])('%s', (host) => expect(isOwnHost(host, own)).toBe(true));
  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:9464',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'group-a.evil.example',
    'evil@localhost',
    'localhost/evil',
    'localhost:x',
    '[evil]',
    '[::1',
    '1',
    '0x7f.1',
    'localhost evil',
    'group-a:123456',
  ])('not %j', (host) => expect(isOwnHost(host, own)).toBe(false));
});

describe('hasToken', () => {
  const token = 'sixteen:letters!';
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  it.each([`Bearer ${token}`, `bearer  ${token}`, basic(`:${token}`), basic(`me:${token}`)])('%s', (header) =>
    expect(hasToken(header, token)).toBe(true),
  );
  it.each([
    undefined,
    '',
    token,
    'Bearer',
    'Bearer ',
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
    `Digest ${token}`,
    basic(token),
    basic('me:'),
    basic(`me:${token} `),
    'Basic %',
    `Bearer x ${token}`,
  ])('not %j', (header) => expect(hasToken(header, token)).toBe(false));
});

describe('notReadyBecause', () => {
  const bridge = { leads: true, inStep: true, buffered: 0 };
  const outOfStep = { bridge: { ...bridge, inStep: false } };
  const well = {
    state: 'running',
    connected: true,
    readingAge: 900,
    bridge,
    beatAge: 1_000,
    heartbeat: 1_000,
    idleFor: 0,
    timeout: 60_000,
    activeConsumers: 2,
    stalledConsumers: 0,
    workers: undefined,
    recordAway: undefined,
    unrelayedFor: 0,
    source: { kind: 'list', name: 'orders', from: 'left' },
    pullFailingFor: 0,
  } as const;
  type Facts = Parameters<typeof notReadyBecause>[0] & Parameters<typeof notReadyBecause>[1];
  const reasons = (facts: Partial<Facts> = {}) =>
    notReadyBecause({ ...well, ...facts }, { ...well, ...facts });
  it('is empty if all is well, and for a process without bridge and consumers', () => {
    expect(reasons()).toEqual([]);
    expect(reasons({ bridge: undefined, beatAge: undefined })).toEqual([]);
    expect(reasons({ idleFor: 60_000, workers: 1 })).toEqual([]);
    expect(reasons({ activeConsumers: 0 })).toEqual([]);
    expect(reasons({ stalledConsumers: 1 })).toEqual([]);
  });
  it.each([
    [{ state: 'starting' }, 'it is starting'],
    [{ state: 'stopping', connected: false }, 'it is stopping'],
    [{ connected: false, readingAge: 9_000 }, 'it is not connected to Redis'],
    [{ readingAge: 6_000 }, 'the group could not be read for 5 s'],
    [{ readingAge: undefined }, 'the group could not be read yet'],
    [outOfStep, 'its bridge is not in step'],
    [{ beatAge: 3_100 }, 'the last heartbeat was 3 s ago'],
    [{ idleFor: 66_000 }, 'messages wait, and its consumers have settled none for 66 s'],
    [{ workers: 0 }, 'no worker is connected'],
    [{ recordAway: true }, 'its system of record takes no rows: its log says why'],
    [{ stalledConsumers: 2 }, 'its processor cannot be started or reached: its log says why'],
    [{ unrelayedFor: 6_000 }, 'its bridge leads, and has relayed none of what it received for 6 s'],
  ] as const)('%j: %s', (facts, reason) => {
    expect(reasons(facts)).toEqual([reason]);
  });
  it('gives all reasons', () => {
    expect(reasons({ connected: false, ...outOfStep, beatAge: 9_000 })).toHaveLength(3);
  });
});

describe('Standstill', () => {
  it('counts from the last progress, and only while there is work', () => {
    const still = new Standstill();
    expect(still.observe(true, 5, 1_000)).toBe(0);
    expect(still.observe(true, 5, 4_000)).toBe(3_000);
    expect(still.observe(true, 6, 5_000)).toBe(0);
    expect(still.observe(true, 6, 6_000)).toBe(1_000);
    expect(still.observe(false, 6, 7_000)).toBe(0);
    expect(still.observe(true, 6, 8_000)).toBe(1_000);
  });
});

describe('RecentSteps', () => {
  it('has p50 and p99 of what came since the last look, of the steps that there were', () => {
    const stats = new ProcessStats();
    const recent = new RecentSteps(stats.steps);
    expect(recent.next()).toBeUndefined();
    stats.parked([2_000, 2_000]);
    expect(recent.next()).toEqual({ parking: { p50: 1.75, p99: expect.closeTo(2.485) } });
    expect(recent.next()).toBeUndefined();
    stats.parked([1]);
    stats.committed([{ inboxId: '1000-1', startedAt: 1_050, finishedAt: 1_050 }]);
    expect(Object.keys(recent.next() ?? {})).toEqual(['waiting', 'processing', 'parking']);
  });
});

describe('EventStreams', () => {
  const client = () => new PassThrough() as unknown as ServerResponse & PassThrough;
  it('writes the same to all clients, and forgets those that are gone', async () => {
    const streams = new EventStreams(2);
    const [one, two] = [client(), client()];
    streams.add(one);
    streams.add(two);
    expect(streams.isFull).toBe(true);
    streams.send('hello');
    expect([String(one.read()), String(two.read())]).toEqual(['hello', 'hello']);
    one.destroy();
    await new Promise((done) => one.once('close', done));
    expect(streams.size).toBe(1);
    streams.close();
    expect(two.destroyed).toBe(true);
  });
  it('skips a client that does not read, and disconnects it when it never does', () => {
    const streams = new EventStreams(1);
    const stuck = new Writable({ write() {} }) as unknown as ServerResponse & Writable;
    streams.add(stuck);
    streams.send('x'.repeat(2_000_000));
    const behind = stuck.writableLength;
    for (let i = 0; i < 30; i++) streams.send('more');
    expect(stuck.writableLength).toBe(behind);
    expect(stuck.destroyed).toBe(false);
    streams.send('more');
    expect(stuck.destroyed).toBe(true);
  });
});
