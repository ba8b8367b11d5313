import { describe, expect, it } from 'vitest';
import { eventsText } from '../../../../src/cli/commands/events.js';
import { statusText } from '../../../../src/cli/commands/status.js';
import { stateText } from '../../../../src/cli/control/state.js';
import { controlText, pauseText, shortageText } from '../../../../src/cli/control/text.js';
import type { ControlReading } from '../../../../src/observe/control-status.js';
import { groupEvents } from '../../../../src/observe/group-events.js';
import { shownProcess, unset } from '../../../helpers/control.js';
import { groupStatus } from '../../../helpers/status.js';

const control = {
  ...unset.control,
  size: 20,
  wanted: 20,
  running: 20,
  capacity: 256,
  managed: 4,
  hosts: 3,
  revision: 7,
};
const paused = { ...control, paused: true, pausedBy: { who: 'ann@web1', why: 'upgrade', at: 'T' } };
const processes = [
  shownProcess('a-1-x', 'a', { share: 5, consumers: 5 }),
  shownProcess('b-2-y', 'b', { share: 0, consumers: 1, drained: true }),
  shownProcess('c-3-z', 'c', { managed: false, share: null, consumers: 7, capacity: 7 }),
];

describe('the control in a line', () => {
  it('says what is wanted, what runs and what may run', () => {
    expect(controlText(control)).toBe('20 wanted, 20 run, capacity 256 on 3 hosts');
  });

  it('adds what else was set', () => {
    const all = { ...paused, drained: ['b', 'd'], autoscale: { min: 2, max: 100, drainWithin: 90_000 } };
    expect(controlText(all)).toBe(
      '20 wanted, 20 run, capacity 256 on 3 hosts; autoscale 2 to 100, backlog gone within 90s; ' +
        'drained: b, d; PAUSED by ann@web1 since T: upgrade',
    );
  });

  it('says that the group is paused, even if the event is no longer kept', () => {
    expect(pauseText({ ...paused, pausedBy: null })).toBe('PAUSED');
    expect(pauseText({ ...paused, pausedBy: { who: 'a@b', why: '', at: 'T' } })).toBe(
      'PAUSED by a@b since T',
    );
    expect(pauseText(control)).toBeUndefined();
  });
});

describe('a shortage', () => {
  it('is told only if there is one', () => {
    expect(shortageText({ ...control, capacity: 20 }, processes)).toBeUndefined();
    expect(shortageText({ ...control, capacity: 19, hosts: 1 }, processes)).toBe(
      'wanted 20, capacity 19 on 1 host: start more processes or raise --capacity',
    );
  });
});

describe('cgroup scale without a size', () => {
  const show = (reading: Partial<ControlReading>) => stateText({ ...unset, lastChange: null, ...reading });

  it('shows size, sizes, the last change and the processes', () => {
    const lastChange = { at: 'T', who: 'ann@web1', what: 'size 3 -> 20', why: 'sale' };
    expect(stateText({ control, processes, lastChange })).toBe(
      [
        'size         20',
        'running      20',
        'capacity     256 in 4 processes on 3 hosts',
        'autoscale    off',
        'last change  T by ann@web1: size 3 -> 20: sale',
        '',
        'process  host  pid  share        consumers  capacity',
        'a-1-x    a     1    5            5          64',
        'b-2-y    b     1    0 (drained)  1          64',
        'c-3-z    c     1    fixed        7          7',
      ].join('\n'),
    );
  });

  it('says how to start a managed process if there is none', () => {
    expect(show({})).toMatch(/^size +0 \(never set.*\n\nno managed process runs: .*--managed$/s);
    expect(show({ control: { ...control, capacity: 0, managed: 0, hosts: 0 } })).toMatch(
      /\n\nwanted 20, and no managed process runs: start one with cgroup start --managed$/,
    );
  });
});

describe('the status of a group', () => {
  it('has a line on the control if it is used, and the processes', () => {
    expect(statusText(groupStatus({ control, processes }))).toMatch(/^control +20 wanted, 20 run, /m);
    expect(statusText(groupStatus({ processes }))).toMatch(/^control +0 wanted/m);
  });

  it('says nothing of the control if it is not used', () => {
    const text = statusText(groupStatus({ processes: processes.slice(2) }));
    expect(text).not.toContain('control');
    expect(text).toMatch(/^c-3-z +c +1 +fixed +7 +7$/m);
  });
});

describe('the command that starts what is missing', () => {
  it.each([
    [unset, 'cgroup start'],
    [{ ...unset, control: { ...unset.control, revision: 1, paused: true } }, 'cgroup start'],
    [{ ...unset, control: { ...unset.control, size: 6 } }, 'cgroup start --managed'],
    [{ ...unset, processes: [shownProcess('a', 'a', { managed: false })] }, 'cgroup start'],
    [{ ...unset, processes: [shownProcess('a', 'a')] }, 'cgroup start --managed'],
  ])('fits what is wanted: %j', (reading, command) => {
    const text = statusText(groupStatus({ ...reading, leader: null, consumers: [] }));
    expect(text).toContain(`nothing is relayed (${command})`);
    expect(text).toContain(`nothing is processed (${command})`);
  });
});

describe('the events as a table', () => {
  const event = (why: string) => ({
    at: 'T',
    kind: 'control' as const,
    revision: 3,
    who: 'a@b',
    what: 'size 1 -> 2',
    why,
  });

  it('has a line for each, in one line, and says if there are more', () => {
    const text = eventsText([event('two\nlines\u001b[2J'), event('x'.repeat(500))], 9, 80);
    const [head, first, second, , more] = text.split('\n');
    expect(head).toMatch(/^time +revision +who +what +why$/);
    expect(first).toMatch(/^T +3 +a@b +size 1 -> 2 +two/);
    expect(text).not.toContain('\u001b');
    expect(second?.length).toBeLessThan(200);
    expect(more).toBe('the newest 2 of 9; --limit shows more');
    expect(eventsText([event('x'.repeat(500))], 1)).toContain('x'.repeat(500));
  });

  it('has ends of processes between the changes, the newest first', () => {
    const change = { who: 'a@b', what: 'paused', why: '', paused: true };
    const events = groupEvents({
      control: [
        { ...change, at: '2026-01-01T00:00:01.000Z', revision: 1 },
        { ...change, at: '2026-01-01T00:00:03.000Z', revision: 2 },
        { ...change, at: '2026-01-01T00:00:03.000Z', revision: 3 },
      ],
      ends: [{ id: 'web2-7-x', host: 'web2', at: '2026-01-01T00:00:02.000Z' }],
    });
    expect(events.map(({ revision }) => revision)).toEqual([3, 2, null, 1]);
    expect(eventsText(events, 4)).toMatch(/02\.000Z +– +web2-7-x +ended without leaving the group/);
  });

  it('says if there are none', () => {
    expect(eventsText([], 0)).toMatch(/^no changes/);
  });
});
