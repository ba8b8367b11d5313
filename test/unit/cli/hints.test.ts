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

  it('stays as it is without flags, and if it names no command for a group', () => {
    expect(withFlags('cgroup start', new Map())).toBe('cgroup start');
    expect(withFlags('cgroup promises it; cgroup worker --connect URL', given)).toBe(
      'cgroup promises it; cgroup worker --connect URL',
    );
  });
});
