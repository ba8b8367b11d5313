import { describe, expect, it } from 'vitest';
import { keysOf } from '../../../src/redis/keys.js';
import { aclRules, commandNames } from '../../../src/redis/rights.js';
import { commandsOfScripts, commandsOfStores } from '../../helpers/sources.js';

const names = { redis: 'redis://h', channel: 'in', output: 'out', consumerList: 'ids', group: 'g' };

describe('the list of commands', () => {
  it('holds what the scripts and the stores send, and nothing else', () => {
    // Sent by ioredis itself, or by its methods, or in a transaction.
    const byClient = [
      'CLIENT|ID',
      'CLIENT|SETNAME',
      'EVAL',
      'EVALSHA',
      'EXEC',
      'MULTI',
      'SELECT',
      'SSUBSCRIBE',
      'SUBSCRIBE',
      'SUNSUBSCRIBE',
      'UNSUBSCRIBE',
    ];
    const all = new Set([...[...commandsOfScripts().values()].flat(), ...commandsOfStores(), ...byClient]);
    all.delete('CONFIG|GET'); // would show more than cgroup needs, such as passwords: no right to it is asked for
    expect([...commandNames]).toEqual([...all].sort());
  });
});

describe('the ACL rules', () => {
  it('allow only the keys and channels of the group', () => {
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

  it('escape names that look like patterns', () => {
    const odd = { ...names, channel: 'in*[a]', output: 'o?t' };
    const rules = aclRules(keysOf(odd), odd);
    expect(rules).toContain('&in\\*\\[a\\]');
    expect(rules).toContain('~cgroup:{o\\?t}:*');
  });

  it('have sharded commands only for a sharded channel: Redis before 7.0 does not know them', () => {
    const sharded = [
      '+pubsub|shardchannels',
      '+pubsub|shardnumsub',
      '+spublish',
      '+ssubscribe',
      '+sunsubscribe',
    ];
    const plain = ['+publish', '+subscribe', '+unsubscribe'];
    const commands = (more: object) => aclRules(keysOf({ ...names, ...more }), { ...names, ...more });
    expect(commands({}).filter((rule) => sharded.includes(rule))).toEqual([]);
    const rules = commands({ sharded: true });
    expect(rules).toEqual(expect.arrayContaining([...sharded, '&in', '&cgroup:{in}:marks:out']));
    expect(rules.filter((rule) => plain.includes(rule))).toEqual([]);
  });

  it('allow SELECT only if the URL names a database', () => {
    expect(aclRules(keysOf(names), names)).not.toContain('+select');
    const other = { ...names, redis: 'redis://h/3' };
    expect(aclRules(keysOf(other), other)).toEqual(
      expect.arrayContaining(['+select', '&cgroup:{out}:marks:3']),
    );
  });

  it('allow the keys of all lanes, and to ask where slots are on a Cluster', () => {
    const rules = aclRules(keysOf(names), { ...names, lanes: 3, cluster: true });
    expect(rules.filter((rule) => rule.includes('out'))).toEqual([
      '~out',
      '~cgroup:{out}:*',
      '~out:{*}',
      '~cgroup:out:{*}:*',
      '&cgroup:{out}:marks',
    ]);
    expect(rules).toEqual(expect.arrayContaining(['+cluster|nodes', '+cluster|slots']));
  });
});
