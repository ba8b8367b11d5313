import { describe, expect, it, onTestFinished } from 'vitest';
import { type Logger, silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import type { Follower } from '../../src/redis/protocol/followers.js';
import { RedisPlace } from '../../src/redis/protocol/place.js';
import { FakeSentinel, type SentinelView } from '../helpers/fake-sentinel.js';
import { fakeServer } from '../helpers/fakeserver.js';

const A = ['10.0.0.1', 6379] as const;
const B = ['redis-b', 6379] as const;

/** A place with these Sentinels, and a connection to `at` that follows the master. */
async function placeOf(views: readonly SentinelView[], at: readonly [string, number] | undefined = A) {
  const sentinels = await Promise.all(views.map((view) => FakeSentinel.start(view)));
  const lines: string[] = [];
  const write = (_fields: object, text: string) => {
    lines.push(text);
  };
  const log: Logger = { debug: () => {}, info: write, warn: write, error: write, child: () => log };
  const url = `redis-sentinel://${sentinels.map(({ address }) => address).join(',')}#m`;
  const place = new RedisPlace({ redis: url }, log);
  let renewed = 0;
  const follower: Follower = {
    slot: undefined,
    at: at && { host: at[0], port: at[1] },
    renew: () => {
      renewed++;
    },
  };
  onTestFinished(() => place.unfollow(follower));
  return {
    place,
    sentinels,
    lines,
    renewed: () => renewed,
    follow: () => place.follow(follower),
    /** Waits until so many more looks are answered. */
    looks: async (count: number) => {
      const [first] = sentinels as [FakeSentinel];
      const before = first.asked;
      await expect.poll(() => first.asked, { timeout: 10_000 }).toBeGreaterThan(before + count);
    },
  };
}

describe('the master that Sentinels name', () => {
  it('is the one with the highest epoch', async () => {
    const { place } = await placeOf([
      { master: A, epoch: 1 },
      { master: B, epoch: 2 },
    ]);
    expect(await place.find(undefined)).toMatchObject({ host: B[0], port: B[1] });
  });

  it('is known when most of them have answered', async () => {
    const { place } = await placeOf([
      { master: A, epoch: 1 },
      { master: A, epoch: 1, isSilent: true },
      { master: B, epoch: 2 },
    ]);
    expect(await place.find(undefined)).toMatchObject({ host: B[0] });
  });
});

describe('a connection', () => {
  it('stays at a master that Sentinels name differently, and the log says so once', async () => {
    const { follow, looks, renewed, lines } = await placeOf([
      { master: B, epoch: 0 },
      { master: A, epoch: 0 },
    ]);
    follow();
    await looks(3);
    expect(renewed()).toBe(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^one master has several addresses: .*10\.0\.0\.1:6379/);
  });

  it('is made again when the newest epoch has another master', async () => {
    const { follow, looks, sentinels, renewed } = await placeOf([
      { master: A, epoch: 1 },
      { master: A, epoch: 1 },
    ]);
    follow();
    await looks(2);
    expect(renewed()).toBe(0);
    (sentinels[1] as FakeSentinel).view = { master: B, epoch: 2 };
    await expect.poll(renewed, { timeout: 5_000 }).toBeGreaterThan(0);
  });

  it('that is lost leaves the move to the log all the same', async () => {
    const { follow, looks, sentinels, lines } = await placeOf([{ master: A, epoch: 1 }], undefined);
    follow();
    await looks(1);
    (sentinels[0] as FakeSentinel).view = { master: B, epoch: 2 };
    await looks(3);
    expect(lines).toEqual(['the master is at redis-b:6379 now, no longer at 10.0.0.1:6379']);
  });
});

it('Sentinels that do not answer any more are logged once, and when they are back', async () => {
  const { follow, looks, sentinels, lines } = await placeOf([{ master: A, epoch: 1 }]);
  follow();
  await looks(1);
  const [sentinel] = sentinels as [FakeSentinel];
  sentinel.view = { ...sentinel.view, isSilent: true };
  await expect.poll(() => lines, { timeout: 10_000 }).toHaveLength(1);
  expect(lines[0]).toMatch(/^the Sentinels at 127\.0\.0\.1:\d+ do not answer/);
  sentinel.view = { ...sentinel.view, isSilent: false };
  await expect.poll(() => lines, { timeout: 10_000 }).toHaveLength(2);
  expect(lines[1]).toMatch(/^over after /);
});

it('a master that cannot be used is named, and not the one whose URL it is', async () => {
  const broken = await fakeServer((_request, socket) => socket.destroy());
  const [host = '', port] = broken.split(':');
  const sentinel = await FakeSentinel.start({ master: [host, Number(port)], epoch: 1 });
  const connection = new Connection(`redis-sentinel://${sentinel.address}#m`, 'test', silentLogger);
  onTestFinished(() => connection.close());
  await expect(connection.connect({ timeout: 500 })).rejects.toThrow(
    `cannot reach Redis at ${broken}, which is the master m of the Sentinels at ${sentinel.address}, within 0.5 s (`,
  );
});
