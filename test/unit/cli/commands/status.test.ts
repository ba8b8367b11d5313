import { describe, expect, it } from 'vitest';
import { statusText } from '../../../../src/cli/commands/status.js';
import { aboutText, numberText } from '../../../../src/core/words.js';
import type { OrderStatus } from '../../../../src/observe/status.js';
import { awayLane, groupStatus, NO_ORDER, waitingKey } from '../../../helpers/status.js';

const shown = (order: Partial<OrderStatus>) => statusText(groupStatus({ order: { ...NO_ORDER, ...order } }));

describe('the order in the status', () => {
  it('is not shown without one', () => {
    expect(shown({})).not.toMatch(/^order/m);
  });

  it('total: what results wait for, and who has it', () => {
    expect(shown({ kind: 'total', window: 10 })).toMatch(
      /^order +total: no result waits for an earlier one$/m,
    );
    const head = { inboxId: '1-0', ageMs: 300, consumerId: 'a', attempt: 2 };
    expect(shown({ kind: 'total', window: 10, parked: 1, head })).toMatch(
      /^order +total: 1 result of at most 10 wait for message 1-0, for 300 ms \(attempt 2, with a\)$/m,
    );
  });

  it('key: how many are busy, the hottest, and one that is stuck', () => {
    const hottest = [
      waitingKey('"c-17"', 120),
      waitingKey('7', 30, { consumerId: null, attempt: 0, ageMs: 1_500 }),
      waitingKey('8', 2, { consumerId: null, halted: true }),
    ];
    const text = shown({ kind: 'key', busy: 1_204, hottest });
    expect(text).toMatch(/^order +key: 1,204 keys busy$/m);
    expect(text.split('\n').filter((line) => /^hottest|^"c|^[78] /.test(line))).toEqual([
      'hottest key  held  message in work  consumer  attempt  age',
      '"c-17"       120   1795266486636-0  web1-1    1        300ms',
      '7            30    1795266486636-0  none      0        1500ms',
      '8            2     1795266486636-0  halted    1        300ms',
    ]);
    expect(text).not.toContain('stuck');
    const stuck = waitingKey(`"${'x'.repeat(90)}"`, 3, { ageMs: 45_000 });
    expect(shown({ kind: 'key', busy: 1, stuck })).toContain(
      `stuck: the key "${'x'.repeat(38)}…: 3 messages wait for message 1795266486636-0, for 45 s (attempt 1, with web1-1)`,
    );
  });
});

it('has groups of digits, numbers at the right and colours on a terminal', () => {
  const display = {
    width: 80,
    paint: (tone: string, text: string) => `<${tone}:${text}>`,
    number: numberText,
    duration: aboutText,
  };
  const { counters } = groupStatus();
  const busy = { backlog: 12_345, waiting: 12_300, pending: 45, lagMs: 1_500, leader: null };
  const text = statusText(
    groupStatus({ ...busy, counters: { ...counters, relayed: 1_234_567, dead: 3 } }),
    display,
  );
  expect(text).toContain('<head:backlog>  12,345 (12,300 waiting, 45 pending, 0 retrying)');
  expect(text).toContain('<head:leader>   <bad:none: nothing is relayed (cgroup start)>');
  expect(text).toMatch(/^1,234,567 {10}0 {5}<bad:3>/m);
});

it('shows the lanes, and where they are', () => {
  const idle = { waiting: 0, pending: 0, retrying: 0, held: 0, failed: 0, retried: 0, deadLetters: 0 };
  const lanes = [
    { ...idle, output: 'out:{0}', node: 'a:1', relayed: 9, processed: 7, dead: 1, backlog: 1, lagMs: 1_500 },
    { ...idle, output: 'out:{1}', node: 'b:1', relayed: 5, processed: 5, dead: 0, backlog: 0, lagMs: 0 },
    awayLane('out:{2}'),
  ];
  const text = statusText(groupStatus({ lanes, awayLanes: ['out:{2}'] }));
  expect(text).toMatch(/^away +out:\{2\}: not in the numbers below$/m);
  expect(text.split('\n').filter((line) => /^(lane|out:)/.test(line))).toEqual([
    'lane     node  relayed  processed  dead  backlog  lag',
    'out:{0}  a:1   9        7          1     1        1500ms',
    'out:{1}  b:1   5        5          0     0        none',
    'out:{2}  away  ?        ?          ?     ?        ?',
  ]);
  expect(statusText(groupStatus({ awayLanes: [] }))).not.toMatch(/lane|away/);
});
