import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { compareIds } from '../../src/core/stream-id.js';
import type { Report } from '../../src/doctor/doctor.js';
import type { GroupStatus } from '../../src/observe/status.js';
import { type Keys, keysOf } from '../../src/redis/keys.js';
import type { Verification } from '../../src/verify/verify.js';
import { type CliOptions, type CliRun, cgroup } from '../helpers/cli.js';
import { type Namespace, withRedis } from '../helpers/redis.js';
import { countersOf, logOf, settled } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const folder = mkdtempSync(join(tmpdir(), 'cgroup-sources-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Sourced {
  readonly space: Namespace;
  readonly keys: Keys;
  readonly raw: Redis;
  /** The name of the list or stream. */
  readonly name: string;
  readonly flags: readonly string[];
  start(more?: readonly string[], options?: CliOptions): Promise<CliRun>;
  /** The results, by the ids of their messages in the inbox. */
  inOrder(): Promise<string[]>;
  json<T>(command: string, ...more: string[]): Promise<T>;
}

/** A group that takes its messages from a list or a stream of its own. */
function sourced(kind: 'list' | 'stream', ...more: string[]): Sourced {
  const space = redis.namespace();
  const raw = new Redis(space.redis);
  onTestFinished(() => raw.disconnect());
  const name = `${space.channel}:${kind}`;
  const { output, consumerList } = space;
  const group = ['--redis', space.redis, '--output', output, '--consumer-list', consumerList];
  const flags = [...group, `--${kind}`, name, ...more];
  return {
    space,
    keys: keysOf(space),
    raw,
    name,
    flags,
    start: async (args = [], options = {}) => {
      const run = cgroup(['start', ...flags, '--size', '2', ...args], options);
      await run.line(/ready: /);
      return run;
    },
    inOrder: async () =>
      (await raw.xrange(output, '-', '+'))
        .map(([, [, messageId, , , , inboxId]]) => ({
          messageId: String(messageId),
          inboxId: String(inboxId),
        }))
        .sort((a, b) => compareIds(a.inboxId, b.inboxId))
        .map(({ messageId }) => messageId),
    json: async <T>(command: string, ...args: string[]) => {
      const run = cgroup([command, ...flags, '--json', ...args]);
      await run.exit;
      return JSON.parse(run.stdout()) as T;
    },
  };
}

const messages = (count: number, text = 'm') =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ message_id: `${text}${i}` }));
const idsOf = (texts: readonly string[]) =>
  texts.map((text) => (JSON.parse(text) as { message_id: string }).message_id);

describe('two processes, one of which is killed again and again', () => {
  test.each(['left', 'right'] as const)(
    'take every message of a list once, in its order (%s)',
    async (from) => {
      const group = sourced('list', '--list-from', from);
      const { raw, name, space, start, inOrder } = group;
      const push = (some: readonly string[]) =>
        from === 'left' ? raw.rpush(name, ...some) : raw.lpush(name, ...some);
      const all = messages(12_000);
      await push(all.slice(0, 3_000));
      const stays = await start();
      for (let round = 1; round <= 3; round++) {
        const dies = await start();
        const pushed = push(all.slice(round * 3_000, (round + 1) * 3_000));
        await until(async () => (await countersOf(raw, space)).relayed > round * 3_000);
        await dies.kill('SIGKILL');
        await pushed;
      }
      await until(() => settled(raw, space, all.length), { timeout: 60_000 });
      expect(await raw.exists(name)).toBe(0);
      expect(await inOrder()).toEqual(idsOf(all));
      await stays.kill();
      expect(logOf(stays, 50)).toEqual([]);
    },
  );

  test('read every entry of a stream once, in its order, and leave it there', async () => {
    const { raw, name, space, start, inOrder } = sourced('stream');
    const add = async (some: readonly string[]) => {
      const pipeline = raw.pipeline();
      for (const text of some) pipeline.xadd(name, '*', 'message', text);
      await pipeline.exec();
    };
    const all = messages(12_000);
    await add(all.slice(0, 3_000));
    const stays = await start();
    for (let round = 1; round <= 3; round++) {
      const dies = await start();
      const added = add(all.slice(round * 3_000, (round + 1) * 3_000));
      await until(async () => (await countersOf(raw, space)).relayed > round * 3_000);
      await dies.kill('SIGKILL');
      await added;
    }
    await until(() => settled(raw, space, all.length), { timeout: 60_000 });
    expect(await inOrder()).toEqual(idsOf(all));
    expect(await raw.xlen(name)).toBe(all.length);
    await stays.kill();
    // The position outlives all processes.
    const again = await start();
    await raw.xadd(name, '*', 'message', '{"message_id":"last"}');
    await until(() => settled(raw, space, all.length + 1));
    expect((await inOrder()).at(-1)).toBe('last');
    await again.kill();
  });
});

describe('a group that takes from a list', () => {
  test('goes on after FLUSHALL, and after a key of another type, and says so once', async () => {
    const { raw, name, space, start } = sourced('list');
    const run = await start(['--log-level', 'debug']);
    await raw.rpush(name, ...messages(10));
    await until(() => settled(raw, space, 10));
    await raw.flushall();
    await raw.rpush(name, ...messages(10, 'n'));
    await until(async () => (await countersOf(raw, space)).processed === 10, { timeout: 20_000 });
    await raw.set(name, 'foreign');
    const told = (level: number) =>
      logOf(run).filter(
        (line) => line.level === level && line.msg.startsWith('nothing is taken from the list'),
      );
    await until(() => told(20).length === 3, { what: 'three more tries' });
    expect(told(40)).toHaveLength(1);
    expect(run.stderr()).toContain(`the key ${name} holds a string, not a list`);
    await raw.del(name);
    await raw.rpush(name, ...messages(10, 'o'));
    await until(async () => (await countersOf(raw, space)).processed === 20);
    await run.line(/over after .* s: nothing is taken from the list/);
    await run.kill();
  });

  test('does not start if the key is of another type', async () => {
    const { raw, name, flags } = sourced('list');
    await raw.set(name, 'foreign');
    const run = cgroup(['start', ...flags]);
    expect((await run.exit).code).toBe(1);
    expect(run.stderr()).toMatch(new RegExp(`the key ${name} holds a string, not a list`));
    expect(await raw.get(name)).toBe('foreign');
  });

  test('shows it in status, with who takes from it and how much waits', async () => {
    const { raw, name, flags, space, start, json } = sourced('list');
    await raw.rpush(name, ...messages(3));
    const before = await json<GroupStatus>('status');
    expect(before).toMatchObject({ channel: name, source: { kind: 'list', name, waiting: 3 } });
    const run = await start();
    expect(run.stderr()).toContain(`ready: 2 consumers, list ${name}`);
    await until(() => settled(raw, space, 3));
    const status = await json<GroupStatus>('status');
    expect(status).toMatchObject({ source: { waiting: 0 }, leader: null, bridges: [], backlog: 0 });
    expect(status.processes.map(({ pulls }) => pulls)).toEqual([true]);
    const shown = cgroup(['status', ...flags]);
    await shown.exit;
    expect(shown.stdout()).toMatch(new RegExp(`^list +${name} \\(0 messages wait in it\\)$`, 'm'));
    expect(shown.stdout()).toMatch(/^taken by +\S+-\d+-[0-9a-f]+$/m);
    expect(shown.stderr()).toBe('');
    await run.kill();
  });

  test('refuses a process with another source, or the other end, while it runs', async () => {
    const { raw, name, space, start, flags } = sourced('list');
    const run = await start();
    const names = flags.slice(0, 6);
    const refused = async (...more: string[]) => {
      const other = cgroup(['start', ...names, ...more]);
      expect((await other.exit).code).toBe(1);
      return other.stderr();
    };
    const text = `is the output of a running group with list ${name};`;
    expect(await refused('--list', name, '--list-from', 'right')).toContain(text);
    expect(await refused('--list', `${name}2`)).toContain(text);
    expect(await refused('--stream', name)).toContain(text);
    expect(await refused('--channel', space.channel)).toContain(text);
    await run.kill();
    // When it is gone, the names may change.
    await until(async () => Date.now() - Number(await raw.hget(keysOf(space).bridge, 'pulled_at')) > 2_000);
    const next = cgroup(['start', ...names, '--list', name, '--list-from', 'right']);
    await next.line(/ready: .*taken from the right/);
    await next.kill();
  });

  test('with bridge only takes and does not process; with bridge off only processes', async () => {
    const { raw, name, space, start, inOrder } = sourced('list');
    const takes = await start(['--bridge', 'only']);
    await raw.rpush(name, ...messages(100));
    await until(async () => (await countersOf(raw, space)).relayed === 100);
    expect((await countersOf(raw, space)).processed).toBe(0);
    await takes.kill();
    const works = await start(['--bridge', 'off']);
    await until(() => settled(raw, space, 100));
    const clients = String(await raw.client('LIST'));
    expect(clients).toContain('name=cgroup:consumer ');
    expect(clients).not.toMatch(/name=cgroup:(source|waiting) /);
    expect(await inOrder()).toHaveLength(100);
    await works.kill();
  });

  test('finds its size by itself, without a bridge that leads', async () => {
    const { raw, name, space, start, flags, json } = sourced('list');
    const run = await start(['--managed', '--simulate-ms', '20', '--heartbeat', '250ms']);
    const scale = cgroup(['scale', ...flags, '--auto', '--min', '2', '--max', '20', '--drain-within', '5s']);
    expect((await scale.exit).code).toBe(0);
    await raw.rpush(name, ...messages(3_000));
    await until(async () => (await json<GroupStatus>('status')).consumers.length > 2, { timeout: 40_000 });
    const { control } = await json<GroupStatus>('status');
    expect(control.autoscale).toMatchObject({ min: 2, max: 20 });
    await until(() => settled(raw, space, 3_000), { timeout: 60_000 });
    await run.kill();
  });
});

describe('publish and verify', () => {
  test.each([
    ['list', []],
    ['list', ['--list-from', 'right']],
    ['stream', []],
  ] as const)('know a %s %j', async (kind, more) => {
    const { raw, name, space, flags, start, json, inOrder } = sourced(kind, ...more);
    const ledger = join(folder, `${name.replace(/\W/g, '-')}-${more.length}.txt`);
    const sources = ['--redis', space.redis, `--${kind}`, name, ...more];
    const sent = cgroup([
      'publish',
      ...sources,
      '--count',
      '2500',
      '--batch',
      '700',
      '--ledger',
      ledger,
      '--json',
    ]);
    expect((await sent.exit).code).toBe(0);
    expect(JSON.parse(sent.stdout())).toMatchObject({
      published: 2_500,
      receivers: null,
      unheard: 0,
      listed: 2_500,
    });
    expect(sent.stderr()).not.toContain('no subscriber');
    const ids = readFileSync(ledger, 'utf8').split('\n').slice(0, -1);
    const run = await start();
    await until(() => settled(raw, space, 2_500), { timeout: 30_000 });
    expect(await inOrder()).toEqual(ids);
    const verified = await json<Verification>('verify', '--ledger', ledger);
    expect(verified).toMatchObject({
      ok: true,
      relayed: 2_500,
      processed: 2_500,
      lost: 0,
      doubled: 0,
      unexpected: 0,
    });
    const few = cgroup(['publish', ...sources, '--count', '3']);
    await few.exit;
    expect(few.stdout()).toMatch(new RegExp(`^published 3 messages in .* msg/s\\) to ${kind} ${name}`));
    await until(() => settled(raw, space, 2_503));
    expect(flags).toContain(name);
    await run.kill();
  });
});

describe('the doctor', () => {
  test.each(['list', 'stream'] as const)(
    'checks a %s, and prints an ACL line that is enough',
    async (kind) => {
      const { raw, name, space, start, json, keys } = sourced(kind);
      const find = async () => {
        const { findings } = await json<Report>('doctor');
        return findings
          .filter(({ check }) => ['source', 'owner', 'bridges', 'channel', 'rights'].includes(check))
          .map(({ check, status, what }) => `${status} ${check}: ${what}`);
      };
      expect(await find()).toContainEqual(
        expect.stringContaining(`note source: no process takes messages from the ${kind} ${name}`),
      );
      const { acl, publisherAcl } = await json<Report>('doctor');
      const use = async (line: string, user: string, password: string) => {
        const words = line
          .replace(/^ACL SETUSER \S+/, '')
          .trim()
          .replace('>PASSWORD', `>${password}`)
          .split(' ');
        await raw.call('ACL', 'SETUSER', user, 'reset', ...words.map((word) => word.replace(/^"|"$/g, '')));
      };
      const { host } = new URL(space.redis);
      await use(acl, 'least', 'secret');
      await use(publisherAcl, 'sender', 'secret2');
      const least = await start([], { env: { REDIS_URL: undefined } });
      await least.kill();
      const names = ['--output', space.output, '--consumer-list', space.consumerList, `--${kind}`, name];
      const url = `redis://least:secret@${host}`;
      const run = cgroup(['start', ...names, '--redis', url, '--size', '2']);
      await run.line(/ready: /);
      const sender = new Redis(`redis://sender:secret2@${host}`);
      onTestFinished(() => sender.disconnect());
      for (const text of messages(20))
        await (kind === 'list' ? sender.rpush(name, text) : sender.xadd(name, '*', 'message', text));
      await expect(sender.xadd(keys.inbox, '*', 'message', 'x')).rejects.toThrow(/NOPERM|permission/);
      await until(() => settled(raw, space, 20));
      const found = cgroup(['doctor', ...names, '--redis', url, '--json']);
      await found.exit;
      const { findings } = JSON.parse(found.stdout()) as Report;
      const states = new Map(findings.map(({ check, status, what }) => [check, `${status}: ${what}`]));
      expect(states.get('rights')).toBe('ok: the user may do all that is needed');
      expect(states.get('source')).toMatch(/^ok: .*, 1 process takes from it$/);
      expect(states.get('owner')).toBe(`ok: ${kind} ${name}, group cgroup`);
      expect(states.has('bridges')).toBe(false);
      await run.kill();
      expect(logOf(run, 40)).toEqual([]);
      await raw.del(name);
      await raw.set(name, 'foreign');
      expect(await find()).toContainEqual(`mend source: ${name} holds a string, not a ${kind}`);
    },
  );
});
