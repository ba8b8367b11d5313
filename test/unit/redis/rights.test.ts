import { describe, expect, it } from 'vitest';
import { keysOf } from '../../../src/redis/keys.js';
import { aclRules, commandNames } from '../../../src/redis/rights.js';
import { commandsOfScripts, commandsOfStores } from '../../helpers/sources.js';

const names = { redis: 'redis://h', channel: 'in', output: 'out', consumerList: 'ids', group: 'g' };

describe('the list of commands', () => {
  it('holds what the scripts and the stores send, and nothing else', () => {
    // What ioredis sends by itself, or by methods of its own.
    const byClient = [
      'CLIENT|ID',
      'CLIENT|SETNAME',
      'EVAL',
      'EVALSHA',
      'MULTI',
      'SELECT',
      'SUBSCRIBE',
      'UNSUBSCRIBE',
    ];
    const all = new Set([...[...commandsOfScripts().values()].flat(), ...commandsOfStores(), ...byClient]);
    all.delete('CONFIG|GET'); // tells more than cgroup may know, passwords among it: it goes without
    expect([...commandNames]).toEqual([...all].sort());
  });
});

describe('the ACL rules', () => {
  it('allow the keys and channels of the group alone', () => {
    const rules = aclRules(keysOf(names), names).filter((rule) => !rule.startsWith('+'));
    expect(rules).toEqual([
      'resetkeys',
      '~out',
      '~cgroup:{out}:*',
      '~ids',
      '~cgroup:{ids}:*',
      'resetchannels',
      '&in',
      '&cgroup:{out}:marks',
      '-@all',
    ]);
  });

  it('take names as they are, not as patterns', () => {
    const odd = { ...names, channel: 'in*[a]', output: 'o?t' };
    const rules = aclRules(keysOf(odd), odd);
    expect(rules).toContain('&in\\*\\[a\\]');
    expect(rules).toContain('~cgroup:{o\\?t}:*');
  });

  it('allow to choose the database where there is one to choose', () => {
    expect(aclRules(keysOf(names), names)).not.toContain('+select');
    const other = { ...names, redis: 'redis://h/3' };
    expect(aclRules(keysOf(other), other)).toEqual(
      expect.arrayContaining(['+select', '&cgroup:{out}:marks:3']),
    );
  });
});
