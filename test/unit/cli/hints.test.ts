import { describe, expect, it } from 'vitest';
import { withFlags } from '../../../src/cli/hints.js';

const given = new Map([
  ['--redis', 'redis://ann:secret@host:6380'],
  ['--output', 'my orders'],
]);

describe('a hint', () => {
  it('has the flags that were given, quoted for a shell and without the password', () => {
    expect(withFlags('nothing runs (cgroup start --managed)', given)).toBe(
      "nothing runs (cgroup start --managed --redis redis://ann:PASSWORD@host:6380 --output 'my orders')",
    );
    expect(withFlags('cgroup dead list shows them', new Map([['--output', 'o']]))).toBe(
      'cgroup dead list --output o shows them',
    );
  });

  it('names the lanes where a process is started or checked, once: the other commands ask the group', () => {
    const lanes = new Map([['--lanes', '2']]);
    const hint =
      'cgroup start, cgroup start --managed --lanes 3, cgroup doctor, cgroup status, cgroup dead retry';
    expect(withFlags(hint, lanes)).toBe(
      'cgroup start --lanes 2, cgroup start --managed --lanes 3, cgroup doctor --lanes 2, cgroup status, cgroup dead retry',
    );
  });

  it('stays as it is without flags, and if it names no command for a group', () => {
    expect(withFlags('cgroup start', new Map())).toBe('cgroup start');
    expect(withFlags('cgroup promises it; cgroup worker --connect URL', given)).toBe(
      'cgroup promises it; cgroup worker --connect URL',
    );
  });
});
