import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keysOf } from '../../src/redis/keys.js';
import { aclRules, commandNames } from '../../src/redis/rights.js';

const REDIS = new URL('../../src/redis/', import.meta.url);
const names = { redis: 'redis://h', channel: 'in', output: 'out', consumerList: 'ids', group: 'g' };

/** Commands of which the second word is a part. */
const CONTAINERS = ['CLIENT', 'CONFIG', 'PUBSUB', 'XGROUP', 'XINFO'];

function commandsIn(folder: URL, ending: string, calls: readonly RegExp[]): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .flatMap((name) => {
      const text = readFileSync(new URL(name, folder), 'utf8');
      return calls.flatMap((call) =>
        [...text.matchAll(call)].map(([, command = '', sub]) =>
          CONTAINERS.includes(command) ? `${command}|${sub}` : command,
        ),
      );
    });
}

describe('the list of commands', () => {
  it('holds what the scripts and the stores send, and nothing else', () => {
    const inScripts = commandsIn(new URL('lua/', REDIS), '.lua', [
      /redis\.p?call\('([A-Z]+)'(?:, [\w[\]]+)?(?:, )?(?:'([A-Z]+)')?/g,
      /(?:call_with_ids\(\w+, |first_id\()'([A-Z]+)'/g,
    ]).map((command) => command.replace(/\|undefined$/, ''));
    const inStores = commandsIn(REDIS, '.ts', [
      /(?:call(?:Buffer)?|#send|#page|text)\(\s*'([A-Z]+)'(?:,\s*'([A-Z]+)')?/g,
    ]);
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
    const all = new Set([...inScripts, ...inStores, ...byClient]);
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
