import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { GroupClient } from '../../src/observe/client.js';
import type { GroupStatus } from '../../src/observe/status.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { addressOf, SERVING } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

/** A value that another program writes: where, and what the doctor finds and advises. */
interface Foreign {
  readonly write: (group: TestGroup) => Promise<unknown>;
  readonly key:
    | 'counters'
    | 'bridge'
    | 'processed'
    | 'members'
    | 'gaps'
    | 'dead'
    | 'retry'
    | 'control'
    | 'processes'
    | 'events';
  readonly field: string;
  readonly command: 'HDEL' | 'XDEL' | 'ZREM' | 'EVAL';
}

const CONTROL_PLANE: readonly string[] = ['control', 'processes', 'events'];

const FOREIGN: readonly Foreign[] = [
  ...['Infinity', '-3', '9007199254740993', '', '1e3', '0x10', '1'.repeat(400)].map(
    (value): Foreign => ({
      write: ({ raw, keys }) => raw.hset(keys.counters, 'trimmed', value),
      key: 'counters',
      field: 'trimmed',
      command: 'HDEL',
    }),
  ),
  {
    write: ({ raw, keys }) => raw.hset(keys.counters, 'packed', 'many'),
    key: 'counters',
    field: 'packed',
    command: 'HDEL',
  },
  {
    write: ({ raw, keys }) => raw.hset(keys.counters, 'relayed', 'many'),
    key: 'counters',
    field: 'relayed',
    command: 'EVAL',
  },
  {
    write: ({ raw, keys }) => raw.hset(keys.bridge, 'seat:someone', 'yes'),
    key: 'bridge',
    field: 'seat:someone',
    command: 'HDEL',
  },
  {
    write: ({ raw, keys }) => raw.hset(keys.processed, 'someone', '?'),
    key: 'processed',
    field: 'someone',
    command: 'HDEL',
  },
  ...['no JSON', 'null', '7', '[]', '{"host":1}', '{"host":"h","pid":"1","output":"o"}'].map(
    (value): Foreign => ({
      write: async ({ raw, keys }) => {
        await raw.rpush(keys.consumerList, 'someone');
        await raw.hset(keys.members, 'someone', value);
      },
      key: 'members',
      field: 'someone',
      command: 'HDEL',
    }),
  ),
  ...[
    ['foo', 'bar'],
    ['from', '8640000000000001', 'to', '1'],
    ['from', '1'],
  ].map(
    (fields): Foreign => ({
      write: async ({ raw, keys }) => {
        await raw.hset(keys.counters, 'gaps', 1);
        await raw.xadd(keys.gaps, '7-7', ...fields);
      },
      key: 'gaps',
      field: '7-7',
      command: 'XDEL',
    }),
  ),
  {
    write: ({ raw, keys }) => raw.hset(keys.control, 'colour', 'red'),
    key: 'control',
    field: 'colour',
    command: 'HDEL',
  },
  ...['no JSON', 'null', '{"at":1}', '{"at":1,"report":{"id":"someone"}}'].map(
    (value): Foreign => ({
      write: ({ raw, keys }) => raw.hset(keys.processes, 'someone', value),
      key: 'processes',
      field: 'someone',
      command: 'HDEL',
    }),
  ),
  {
    write: ({ raw, keys }) => raw.xadd(keys.events, '6-6', 'revision', 'x', 'who', 'w', 'what', 'w'),
    key: 'events',
    field: '6-6',
    command: 'XDEL',
  },
  {
    write: ({ raw, keys }) => raw.xadd(keys.dead, '5-5', 'attempts', 'three'),
    key: 'dead',
    field: '5-5',
    command: 'XDEL',
  },
  {
    write: ({ raw, keys }) => raw.xadd(keys.dead, '8640000000000001-0', 'message', 'x', 'reason', 'failed'),
    key: 'dead',
    field: '8640000000000001-0',
    command: 'XDEL',
  },
  {
    write: ({ raw, keys }) => raw.zadd(keys.retry, 0, 'some one'),
    key: 'retry',
    field: 'some one',
    command: 'ZREM',
  },
];

interface Diagnosis {
  readonly findings: readonly { check: string; status: string; what: string; mend: string[] }[];
}

async function keysFinding({ flags }: TestGroup) {
  const run = cgroup(['doctor', ...flags, '--json']);
  await run.exit;
  const { findings } = JSON.parse(run.stdout()) as Diagnosis;
  return findings.find(({ check }) => check === 'keys');
}

/** All numbers in a value, whatever its shape. */
function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : [];
}

async function everyView(client: GroupClient): Promise<GroupStatus> {
  await client.verify();
  await client.deadLetters.list();
  const status = await client.status();
  expect(numbersIn(status).filter((number) => !Number.isSafeInteger(number))).toEqual([]);
  return status;
}

describe('a value of another program in a key of the group', () => {
  test('is passed over by every view', {
    timeout: 120_000,
  }, async () => {
    for (const { write, key, field } of FOREIGN) {
      const group = await groupOn(redis.url);
      const client = await GroupClient.connect(group.space);
      await write(group);
      const { foreign } = await everyView(client);
      const where = { key: group.keys[key], field };
      // What a status does not read, or reads without a look at what is foreign.
      const unread = ['dead', 'retry', ...CONTROL_PLANE].includes(key);
      expect(foreign).toEqual(unread ? [] : [where]);
      client.close();
    }
  });

  test.each([
    ['the messages', false],
    ['the control plane', true],
  ])(
    'is named by the doctor, whose commands mend all of it: in keys of %s',
    {
      timeout: 60_000,
    },
    async (_, ofControl) => {
      const group = await groupOn(redis.url);
      const { keys } = group;
      // The doctor names ten of them.
      const written = FOREIGN.filter(({ key }) => CONTROL_PLANE.includes(key) === ofControl);
      for (const { write } of written) await write(group).catch(() => {}); // an id that is there already
      const found = await keysFinding(group);
      expect(found?.status).toBe('mend');
      for (const { key, field, command } of written) {
        expect(found?.what).toContain(`${JSON.stringify(field)} in ${keys[key]}`);
        expect(
          found?.mend.filter((line) => line.includes(` ${command} `) && line.includes(`'${keys[key]}'`)),
        ).not.toEqual([]);
      }
      for (const line of found?.mend ?? []) execFileSync('/bin/sh', ['-c', line]);
      expect((await keysFinding(group))?.status).toBe('ok');
    },
  );

  test('in a counter gets its true value while the group counts on', { timeout: 60_000 }, async () => {
    const group = await groupOn(redis.url);
    const { raw, keys } = group;
    const run = await group.start(['--max-attempts', '1']);
    await group.publish(30);
    await raw.publish(group.space.channel, 'no message');
    await group.settled(31);
    await raw.hset(keys.counters, { relayed: 'r', processed: 'p', dead: 'd' });
    const found = await keysFinding(group);
    await group.publish(10);
    await until(async () => (await raw.xlen(keys.output)) === 40);
    for (const line of found?.mend ?? []) execFileSync('/bin/sh', ['-c', line]);
    await group.publish(10);
    expect((await group.settled(51)).counters).toMatchObject({ relayed: 51, processed: 50, dead: 1 });
    await run.kill('SIGTERM');
  });

  test('stops nothing in a running group, and is shown by status, metrics and page', {
    timeout: 60_000,
  }, async () => {
    const group = await groupOn(redis.url);
    const { raw, keys } = group;
    const run = await group.start(['--size', '2', ...SERVING]);
    const address = await addressOf(run);
    await group.publish(10);
    await group.settled(10);
    for (const { write, key } of FOREIGN) if (key !== 'counters') await write(group).catch(() => {});
    await until(async () => (await raw.zcard(keys.retry)) === 0, { what: 'the member to be removed' });
    await group.publish(10);
    await group.settled(20);
    const status = cgroup(['status', ...group.flags]);
    await status.exit;
    expect(status.stdout()).toMatch(/foreign: [3-9] values of another program/);
    expect(status.stdout()).toContain('foreign: 1 member removed from the retry zset');
    for (const path of ['/api/status', '/api/dead', '/readyz'])
      expect({ path, status: (await fetch(`${address}${path}`)).status }).toEqual({ path, status: 200 });
    // The metrics come from the totals, which do not read the gaps.
    const metrics = async () => (await fetch(`${address}/metrics`)).text();
    await until(async () => /^cgroup_foreign_values\{[^}]*\} [1-9]$/m.test(await metrics()), {
      what: 'the metric',
    });
    expect(run.stderr()).not.toMatch(/RangeError|SyntaxError|TypeError|NaN/);
    await run.kill();
  });

  test('that is an inbox entry becomes a dead letter', { timeout: 30_000 }, async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1']);
    await group.raw.xadd(group.keys.inbox, '*', 'data', '{"message_id":"a"}');
    await group.publish(5);
    await group.settled(5);
    const client = await GroupClient.connect(group.space);
    expect(await client.deadLetters.list()).toMatchObject([
      { reason: 'invalid-json', message: 'foreign entry: data {"message_id":"a"}' },
    ]);
    expect((await group.outputs()).map(({ messageId }) => messageId)).not.toContain('a');
    client.close();
    await run.kill();
  });
});
