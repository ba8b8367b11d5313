import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { Message } from '../../src/core/message.js';
import { examine } from '../../src/doctor/doctor.js';
import { ConsumerGroup } from '../../src/group/consumer-group.js';
import { GroupClient } from '../../src/observe/client.js';
import { OutputTail } from '../../src/observe/peek.js';
import { Inspector } from '../../src/redis/inspect.js';
import { keysOf, laneKeys } from '../../src/redis/keys.js';
import { withCluster } from '../helpers/cluster.js';
import { groupWithLanes } from '../helpers/lanes.js';
import { namespaceOn } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const cluster = withCluster({ replicas: 0 });
const folder = mkdtempSync(join(tmpdir(), 'cgroup-fewer-lanes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const url = () => cluster().urls[0] as string;

async function clientOf(space: object) {
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  return client;
}

test('after 3, 2 and 1 lanes, status counts what all lanes did, and verify finds each message of the ledgers', async () => {
  const space = namespaceOn(url());
  const raw = new Redis(space.redis);
  onTestFinished(() => raw.disconnect());
  const processor = (message: Message) => {
    if (String(message.message_id).endsWith('9')) throw new Error('it ends with 9');
    return message;
  };
  const ledgers: string[] = [];
  let published = 0;
  for (const lanes of [3, 2, 1]) {
    const group = new ConsumerGroup({ ...space, lanes, size: 2, maxAttempts: 1, processor });
    onTestFinished(() => group.stop());
    await group.start();
    const ids = Array.from({ length: 300 }, (_, i) => `${lanes}-${i}`);
    await Promise.all(ids.map((id) => raw.publish(space.channel, JSON.stringify({ message_id: id }))));
    published += 300;
    const ledger = join(folder, `${lanes}.txt`);
    writeFileSync(ledger, `${ids.join('\n')}\n`);
    ledgers.push(ledger);
    const client = await clientOf(space);
    // Its own processes count the same.
    for (const one of [client, group])
      await until(async () => {
        const { counters, backlog } = await one.status();
        return counters.relayed === published && backlog === 0;
      });
    expect(await client.status()).toMatchObject({
      counters: { relayed: published, processed: (published * 9) / 10, dead: published / 10 },
      deadLetters: 30,
    });
    expect(await client.verify({ ledgers })).toMatchObject({
      ...{ ok: true, relayed: published, lost: 0, doubled: 0, unexpected: 0, ledger: published },
      // Those that were purged with the lanes before.
      untraceable: published / 10 - 30,
    });
    expect((await client.status()).lanes?.length).toBe(lanes === 1 ? undefined : lanes);
    expect(await new OutputTail(client.inspector).newest(1_000)).toHaveLength((published * 9) / 10);
    expect(await client.deadLetters.purge()).toBe(30);
    await group.stop();
  }
  const node = new Redis((await cluster().nodeOf(space.output)).url);
  onTestFinished(() => node.disconnect());
  expect(await node.hmget(keysOf(space).bridge, 'lanes', 'mostLanes')).toEqual(['1', '3']);
}, 90_000);

test('dead letters in a lane that the group has no more are listed and purged, and not sent back', async () => {
  for (const [now, most] of [
    [1, 3],
    [2, 3],
  ] as const) {
    const { space, keys, base, connections } = await groupWithLanes(url(), now);
    await base.call('HSET', keys.bridge, 'mostLanes', most);
    const { dead, output } = laneKeys(space, 2);
    const connection = await connections.open('test', output);
    await connection.call('XADD', dead, '1000-0', 'message', '{"message_id":"a"}', 'reason', 'failed');
    await base.call('XADD', keys.dead, '1000-0', 'message', '{"message_id":"b"}', 'reason', 'failed');
    const { deadLetters, inspector } = await clientOf(space);
    expect(await deadLetters.select()).toEqual(['1000-0', '1000-0@2']);
    expect((await inspector.totals()).deadLetters).toBe(2);
    expect(await deadLetters.show('1000-0@2')).toMatchObject({
      id: '1000-0@2',
      message: '{"message_id":"a"}',
    });
    await expect(deadLetters.retry(['1000-0@2'])).rejects.toMatchObject({
      ...{
        code: 'STATE',
        message: expect.stringContaining('1000-0@2 is in a lane that the group has no more'),
      },
    });
    await expect(deadLetters.purge(['1000-0'])).rejects.toThrow('give one of');
    const { newest } = await deadLetters.count();
    await connection.call('XADD', dead, '1001-0', 'message', '{"message_id":"c"}', 'reason', 'failed');
    expect(await deadLetters.purge({ through: newest })).toBe(2);
    expect(await deadLetters.purge(['1001-0@2'])).toEqual(['1001-0@2']);
  }
});

test('a group that always had one lane is read as one, and the doctor names the keys of former lanes', async () => {
  const { space, keys, base } = await groupWithLanes(url(), 1);
  expect((await clientOf(space)).inspector).toBeInstanceOf(Inspector);
  const lanePattern = ` ~${space.output}:{*} `;
  expect((await examine({ ...space })).acl).not.toContain(lanePattern);
  await base.call('HSET', keys.bridge, 'mostLanes', 'many');
  expect((await clientOf(space)).inspector).toBeInstanceOf(Inspector);
  await base.call('HSET', keys.bridge, 'mostLanes', 2);
  expect((await clientOf(space)).inspector.lanes).toHaveLength(3);
  expect((await examine({ ...space })).acl).toContain(lanePattern);
});
