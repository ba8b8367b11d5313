import { createConnection } from 'node:net';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshRedis, namespaceOn, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';
import { type HoldingPacks, holdingPacks, transactionBytes, wholeOf } from '../helpers/whole-packs.js';

const redis = withRedis();

/** Before Redis 7.0 there are no rights to read or to write alone, and no selectors. */
const isOld = () => /^6\./.test(redis.server.version ?? '');

/** A user with all rights but for these rules, and its URL. */
async function userWith(...rules: string[]) {
  const admin = new Redis(redis.url);
  onTestFinished(() => admin.disconnect());
  const name = `u${Math.random().toString(36).slice(2)}`;
  await admin.call('ACL', 'SETUSER', name, 'on', '>pass', '~*', '&*', '+@all', ...rules);
  return { admin, name, url: redis.url.replace('//', `//${name}:pass@`) };
}

/** What a transaction that is refused leaves to the script: all of it, and nothing is there twice. */
async function expectByScript({ ids, settle, byScript, outputs, state, raw, keys }: HoldingPacks) {
  expect(await settle(ids.map((id) => wholeOf(id)))).toEqual([]);
  expect(byScript).toEqual(ids);
  expect(await outputs()).toEqual(Array(100).fill(1));
  expect(await state()).toMatchObject({ open: [], packs: [], counters: { processed: '100', packed: '0' } });
  expect(await raw.hgetall(keys.processed)).toEqual({ a: '100' });
}

describe('without a right', () => {
  const stuck = ['multi'];
  test.each([
    ...['multi', 'exec', 'xread', 'renamenx', 'xadd', 'evalsha', 'xack', 'xdel', 'hincrby', 'type'],
    '@transaction',
    '@write',
    'multi -xread',
    'multi -renamenx',
    'xrange -xpending',
  ])('to %s the script settles, and it is said once', async (right) => {
    const { url } = await userWith(...`-${right}`.split(' '));
    const group = await holdingPacks(redis.namespace(), 4, 25, url);
    await expectByScript(group);
    expect(group.warnings).toEqual([expect.stringContaining('packs are settled by scripts alone')]);
    if (stuck.includes(right)) expect(group.renewed()).toBe(1);
    // Not tried again at once.
    const tried = group.sent.length;
    const [more] = (await group.relayPacks(1, 25)) as [string];
    await group.readAll();
    await group.settle([wholeOf(more)]);
    expect(group.sent).toHaveLength(tried);
    expect(group.warnings).toHaveLength(1);
  });

  test.each([
    ['nothing under its name', ['packs', 'inbox', 'counters', 'output', 'processed'], ''],
    ['reading its name alone', ['packs', 'inbox', 'counters', 'output', 'processed'], '%R~'],
    ['writing to its name alone', ['packs', 'inbox', 'counters', 'output', 'processed'], '%W~'],
  ] as const)('the open output allows %s: the script settles', async (_, names, open) => {
    const space = redis.namespace();
    if (open && isOld()) return;
    const { admin, name, url } = await userWith('resetkeys');
    const group = await holdingPacks(space, 4, 25, url);
    const rules: string[] = names.map((one) => `~${group.keys[one]}`);
    if (open) rules.push(`${open}${group.keys.open}*`);
    await admin.call('ACL', 'SETUSER', name, ...rules);
    await expectByScript(group);
  });

  test.each([
    ...['-xadd', '-renamenx', '-xread', '-exec', '-multi', 'resetkeys'].map(
      (rule) => [rule, [rule]] as const,
    ),
    ['the open name', ['resetkeys', '~OTHERS']],
    ['to write to the open name', ['resetkeys', '~OTHERS', '%R~OPEN']],
    ['to read the open name', ['resetkeys', '~OTHERS', '%W~OPEN']],
    ['xadd but for the output', ['-xadd', '(+xadd ~OUTPUT)']],
    ['renamenx but for one direction', ['-renamenx', '(+renamenx ~OUTPUT %W~OPEN)']],
  ] as const)(
    'that is taken away (%s) after the commands are queued: all or nothing',
    async (rule, rules) => {
      if (isOld() && /[%(]/.test(rules.join(''))) return;
      const { admin, name, url } = await userWith();
      const group = await holdingPacks(redis.namespace(), 4, 25, url);
      const bytes = await transactionBytes(group);
      const socket = createConnection(redis.server.port, '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      let text = '';
      socket.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      socket.write(`AUTH ${name} pass\r\n`);
      const [queued, exec] = [bytes.subarray(0, bytes.length - 14), bytes.subarray(-14)];
      expect(String(exec)).toBe('*1\r\n$4\r\nEXEC\r\n');
      socket.write(queued);
      await until(() => text.split('QUEUED').length - 1 === 102);
      const { open, output, packs, inbox, counters, processed } = group.keys;
      const others = [output, packs, inbox, counters, processed].map((key) => `~${key}`);
      const asGiven = rules.flatMap((one: string) =>
        one === '~OTHERS' ? others : [one.replace('OUTPUT', output).replace('OPEN', `${open}*`)],
      );
      await admin.call('ACL', 'SETUSER', name, ...asGiven);
      socket.write(exec);
      await until(() => /EXECABORT|\*102\r\n/.test(text) && text.endsWith('\r\n'));
      const written = (await group.outputs()).reduce((a, b) => a + b, 0);
      expect(written).toBe(rule === '-multi' ? 100 : 0);
      await admin.call('ACL', 'SETUSER', name, '~*', '+@all');
      await group.settle(group.ids.map((id) => wholeOf(id)));
      expect(await group.outputs()).toEqual(Array(100).fill(1));
    },
  );
});

test.each(['MULTI', 'EXEC', 'RENAMENX', 'XREAD', 'MULTI XREAD'])(
  'a Redis in which %s has another name: the script settles, and it is said once',
  async (commands) => {
    const server = await freshRedis(commands.split(' ').flatMap((name) => ['--rename-command', name, '']));
    const group = await holdingPacks(namespaceOn(server.url));
    await expectByScript(group);
    expect(group.warnings).toEqual([expect.stringMatching(/switched it off|unknown command/i)]);
  },
);

test('without MULTI nothing after it is carried out, even if the connection ends in the middle', async () => {
  const { url } = await userWith('-multi');
  const group = await holdingPacks(redis.namespace(), 4, 25, url);
  const bytes = await transactionBytes(group);
  const { username, password } = new URL(url);
  for (const length of [bytes.length, bytes.length - 14, Math.floor(bytes.length / 2)]) {
    const socket = createConnection(redis.server.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.write(`AUTH ${username} ${password}\r\n`);
    socket.write(bytes.subarray(0, length));
    await until(() => text.includes('NOPERM'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    // It waits for ever.
    expect(text.split('\r\n')).toHaveLength(3);
    socket.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await group.state()).toMatchObject({ open: [], output: [], pending: 4 });
  }
});

test('a connection that ends after any byte: the next try settles all, once', async () => {
  const size = 12;
  const length = (await transactionBytes(await holdingPacks(redis.namespace(), 1, size))).length;
  // Near each end byte by byte: there the script and EXEC are.
  const places = Array.from({ length: 60 }, (_, i) => Math.floor((length * i) / 60));
  for (const at of new Set([...places, ...Array.from({ length: 20 }, (_, i) => length - i)])) {
    const group = await holdingPacks(redis.namespace(), 1, size);
    const bytes = await transactionBytes(group);
    const socket = createConnection(redis.server.port, '127.0.0.1');
    await new Promise((resolve) => socket.end(bytes.subarray(0, at), () => resolve(undefined)));
    // Sometimes before Redis has read it.
    if (at % 2 === 0) await new Promise((resolve) => socket.on('close', resolve).resume());
    const late = await group.settle(group.ids.map((id) => wholeOf(id)));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await group.outputs(), `cut at ${at} of ${bytes.length}`).toEqual(Array(size).fill(1));
    if (at < bytes.length) expect(late).toEqual([]);
    expect(await group.state()).toMatchObject({ open: [], counters: { processed: String(size) } });
    group.raw.disconnect();
  }
}, 120_000);

test('a transaction that Redis carries out after the script settled its packs writes nothing', async () => {
  const group = await holdingPacks(redis.namespace());
  const bytes = await transactionBytes(group);
  await group.consumerStore.settlePacks(
    group.ids.map((id) => wholeOf(id)),
    0,
  );
  const before = await group.everything();
  await group.connection.request(
    'late',
    () => bytes,
    103,
    () => {},
  );
  expect(await group.everything()).toEqual(before);
});

test('a transaction that lacks memory changes nothing, and the script, which needs none, settles', async () => {
  const server = await freshRedis();
  const group = await holdingPacks(namespaceOn(server.url));
  const { raw, connection, settle, everything } = group;
  const [one, ...rest] = group.ids.map((id) => wholeOf(id));
  await settle([one] as never);
  const bytes = await transactionBytes(group);
  const before = await everything();
  // It is short from the moment on when the commands are queued.
  const replies: string[] = [];
  const note = (reply: Buffer, at: number) => void replies.push(reply.toString('latin1', at, at + 80));
  await connection.request('test', () => bytes.subarray(0, -14), 102, note);
  await raw.config('SET', 'maxmemory', '1');
  await connection.request('test', () => bytes.subarray(-14), 1, note);
  expect(replies.slice(1, -1)).toEqual(Array(101).fill(expect.stringMatching(/^\+QUEUED/)));
  expect(replies.at(-1)).toMatch(/^-(EXECABORT|OOM)/);
  expect(await everything()).toEqual(before);

  expect(await settle(rest)).toEqual([]);
  expect(group.byScript).toEqual(group.ids.slice(1));
  expect(await group.outputs()).toEqual(Array(100).fill(1));
  expect(group.warnings).toEqual([expect.stringContaining('OOM')]);
});

test('the largest transaction passes where Redis takes the least', async () => {
  const server = await freshRedis(['--client-query-buffer-limit', '1mb', '--proto-max-bulk-len', '1mb']);
  const group = await holdingPacks(namespaceOn(server.url), 4, 125);
  const packs = group.ids.map((id) => wholeOf(id, 'a', () => '中'.repeat(480)));
  expect(await group.settle(packs)).toEqual([]);
  expect(group.byScript).toEqual([]);
  for (const { length } of group.sent) expect([length > 760_000, length < 1_000_000]).toEqual([true, true]);
  expect(await group.outputs()).toEqual(Array(500).fill(1));
});
