import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { widthOf } from '../../src/cli/width.js';
import { cgroup } from '../helpers/cli.js';
import { withRedis } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { openStores, type Stores } from '../helpers/stores.js';
import { onTerminal, type TerminalOptions } from '../helpers/terminal.js';

// What commands display like on a terminal: colours, widths; and that nothing of it comes into a pipe.

const redis = withRedis();
const HOSTILE = 'broken \x1b[2J\u202e';

/** Two dead letters, the newest with a long error. */
async function withDead(): Promise<{ stores: Stores; flags: string[]; id: string }> {
  const space = redis.namespace();
  const stores = await openStores(space);
  await stores.relay('{"message_id":"a","n":12345678901234567890,"tags":[1]}', 'oops');
  const entries = await stores.read('a');
  await stores.consumerStore.bury(
    entries.map(({ id, message }, i) => ({
      entryId: id,
      inboxId: id,
      consumerId: 'a',
      message,
      reason: i === 0 ? 'failed' : 'invalid-json',
      error: i === 0 ? `${HOSTILE} ${'no such order '.repeat(20)}` : 'no JSON',
      stack: i === 0 ? 'Error: broken \x1b[2J\n    at charge (file:///app/handler.mjs:3:9)' : undefined,
      attempts: 1_203,
      failed: true,
    })),
    0,
  );
  const [[id = ''] = []] = await stores.raw.xrange(stores.keys.dead, '-', '+', 'COUNT', 1);
  return { stores, flags: flagsOf(space), id };
}

/** The output of a command on a terminal, as it was written, and its lines as they are read. */
async function shown(args: readonly string[], options: TerminalOptions) {
  const run = onTerminal(args, { rows: 200, ...options });
  await run.exit;
  const raw = run.raw();
  return { raw, lines: stripVTControlCharacters(raw).trimEnd().split(/\r?\n/) };
}

async function piped(args: readonly string[], env: Record<string, string | undefined> = {}) {
  const run = cgroup(args, { env });
  await run.exit;
  return run.stdout();
}

describe('dead list', () => {
  test.each([40, 60, 80, 120, 200])('has no row wider than a terminal of %d columns', async (columns) => {
    const { flags, id } = await withDead();
    const { raw, lines } = await shown(['dead', 'list', ...flags], { columns });
    const rows = lines.slice(0, lines.indexOf(''));
    expect(rows).toHaveLength(3);
    for (const row of rows) expect(widthOf(row)).toBeLessThanOrEqual(columns);
    expect(rows[2]).toMatch(new RegExp(`^${id} .*…`));
    expect(raw).toContain('\x1b[31mfailed\x1b[39m');
    expect(raw).not.toContain('\x1b[2J');
    expect(raw).not.toContain('\u202e');
  });

  test('has colours only where they are wanted', async () => {
    const { flags } = await withDead();
    const args = ['dead', 'list', ...flags];
    const plain = await piped(args);
    expect(plain).not.toContain('\x1b');
    expect(plain).toContain(`  1203      broken \\u001b[2J\\u202e ${'no such order '.repeat(1)}`);
    expect(plain).not.toContain('1,203');
    const coloured = await piped(args, { FORCE_COLOR: '1', NO_COLOR: undefined });
    expect(coloured).toContain('\x1b[31mfailed\x1b[39m');
    expect(stripVTControlCharacters(coloured)).toBe(plain);
    const without = await shown(args, { columns: 120, env: { NO_COLOR: '1' } });
    expect(without.raw).not.toContain('\x1b[3');
    expect(without.lines.join('\n')).toContain('1,203');
  });

  test('counts them by error, with the count at the right', async () => {
    const { flags } = await withDead();
    const { lines } = await shown(['dead', 'list', '--group', ...flags], { columns: 100 });
    expect(lines.slice(0, 3)).toEqual([
      expect.stringMatching(/^count {2}reason +error +/),
      expect.stringMatching(/^ {4}1 {2}/),
      expect.stringMatching(/^ {4}1 {2}/),
    ]);
    const groups = JSON.parse(await piped(['dead', 'list', '--group', '--json', ...flags]));
    expect(groups).toHaveLength(2);
    for (const { reason, ...group } of groups)
      expect(group).toMatchObject({
        count: 1,
        error: reason === 'failed' ? expect.stringContaining('no such order') : 'no JSON',
        oldest: group.newest,
        id: expect.stringMatching(/^\d+-\d+$/),
      });
  });
});

test('dead show has the message in lines on a terminal, as it was published in a pipe', async () => {
  const { flags, id } = await withDead();
  const args = ['dead', 'show', id, ...flags];
  const { raw, lines } = await shown(args, { columns: 80 });
  expect(lines.slice(-7)).toEqual([
    '{',
    '  "message_id": "a",',
    '  "n": 12345678901234567890,',
    '  "tags": [',
    '    1',
    '  ]',
    '}',
  ]);
  expect(lines).toContain('    at charge (file:///app/handler.mjs:3:9)');
  expect(raw).not.toContain('\x1b[2J');
  expect(await piped(args)).toMatch(/\n\n\{"message_id":"a","n":12345678901234567890,"tags":\[1\]\}\n$/);
});

describe('status', () => {
  test.each([40, 80, 160])(
    'has its verdict first, in colour, and what to type next last: %d',
    async (columns) => {
      const { flags } = await withDead();
      const { raw, lines } = await shown(['status', ...flags], { columns });
      // No bridge leads any more, if the machine is slow.
      expect(raw.startsWith('\x1b[31mNothing is ')).toBe(true);
      expect(lines.join(' ')).toMatch(
        /next: cgroup start --redis redis:.* \(on this host, or another one\)$/,
      );
      const counters = lines.findIndex((line) => /^relayed /.test(line));
      for (const line of lines.slice(counters, counters + 2))
        expect(widthOf(line)).toBeLessThanOrEqual(columns);
      if (columns > 60) expect(lines[counters + 1]).toMatch(/^ {6}2 {2} {8}0 {2} {3}2 /);
    },
  );

  test('in a pipe is a table at the left, without a hint and without colours', async () => {
    const { flags } = await withDead();
    const text = await piped(['status', ...flags]);
    expect(text).toMatch(/^Nothing is .*\n/);
    expect(text).toMatch(
      /^relayed {2}processed {2}dead {2}failed attempts {2}retried {2}gaps\n2 {8}0 {10}2 {5}/m,
    );
    expect(text).not.toContain('next:');
    expect(text).not.toContain('\x1b');
  });
});

test('doctor has the state of each check in colour, and wraps below its text', async () => {
  const { flags } = await withDead();
  const { raw, lines } = await shown(['doctor', ...flags], { columns: 60 });
  expect(raw.startsWith('\x1b[32mok  \x1b[39m  rights')).toBe(true);
  expect(raw).toContain('\x1b[33mnote\x1b[39m  ');
  const findings = lines.slice(0, lines.indexOf('')).filter((line) => !/^ *\$ /.test(line));
  for (const line of findings) expect(widthOf(line)).toBeLessThanOrEqual(60);
  const plain = await piped(['doctor', ...flags]);
  expect(plain).not.toContain('\x1b');
  expect(plain).toMatch(/^ok {4}rights/);
});
