import { describe, expect, it } from 'vitest';
import { nextText } from '../../../src/cli/next-command.js';
import { VERDICT_STATES } from '../../../src/observe/verdict-input.js';
import { groupStatus } from '../../helpers/status.js';

const idle = groupStatus();
const managed = groupStatus({ control: { ...idle.control, size: 4 } });
const none = groupStatus({ control: { ...idle.control, size: 0 } });
const dead = groupStatus({ deadLetters: 3 });

describe('the command to type next', () => {
  it.each([
    ['paused', 'good', idle, 'cgroup resume'],
    ['stopped', 'bad', idle, 'cgroup start'],
    ['stopped', 'bad', managed, 'cgroup start --managed'],
    ['halted', 'warn', idle, 'cgroup dead list'],
    ['failing', 'bad', dead, 'cgroup dead list --group'],
    ['failing', 'bad', idle, 'cgroup doctor'],
    ['behind', 'warn', idle, 'cgroup top'],
    ['falling-behind', 'bad', managed, 'cgroup scale'],
    ['degraded', 'warn', idle, 'cgroup doctor'],
    ['healthy', 'good', idle, 'cgroup top'],
    ['healthy', 'good', dead, 'cgroup dead list --group'],
    ['healthy', 'warn', idle, 'cgroup verify'],
  ] as const)('if the group is %s (%s)', (state, level, status, command) => {
    expect(nextText({ state, level }, status)).toMatch(new RegExp(`^next: ${command} \\(`));
  });

  it('with a process that runs no consumers is to scale, if none is wanted', () => {
    const running = { ...none, processes: [{}] } as unknown as typeof none;
    expect(nextText({ state: 'stopped', level: 'bad' }, running)).toMatch(/^next: cgroup scale 3 /);
    expect(nextText({ state: 'stopped', level: 'bad' }, { ...running, control: idle.control })).toMatch(
      /^next: cgroup doctor /,
    );
  });

  it('is there in each state', () => {
    for (const state of VERDICT_STATES)
      expect(nextText({ state, level: 'warn' }, idle)).toMatch(/^next: cgroup [a-z].* \(.+\)$/);
  });
});
