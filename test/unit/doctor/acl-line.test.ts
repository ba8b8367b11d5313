import { describe, expect, it } from 'vitest';
import { AclLine } from '../../../src/doctor/acl-line.js';
import { parseSettings } from '../../../src/settings/parse.js';
import { server } from '../../helpers/facts.js';

describe('the ACL line', () => {
  const lineFor = (redisUrl: string) => new AclLine(parseSettings({ redis: redisUrl }));

  it('creates a missing user, and keeps the password of an existing one', () => {
    expect(lineFor('redis://h').line).toMatch(/^ACL SETUSER cgroup on >PASSWORD resetkeys /);
    expect(lineFor('redis://default:x@h').line).toMatch(/^ACL SETUSER cgroup on >PASSWORD resetkeys /);
    expect(lineFor('redis://least:x@h').line).toMatch(/^ACL SETUSER least on >PASSWORD resetkeys /);
    // The connected user exists, and has a password.
    expect(lineFor('redis://least:x@h').grant(server)[0]?.words.slice(0, 4)).toEqual([
      'ACL',
      'SETUSER',
      'least',
      'resetkeys',
    ]);
    expect(lineFor('redis://:x@h').grant(server)[0]?.words.slice(2, 5)).toEqual([
      'cgroup',
      'on',
      '>PASSWORD',
    ]);
  });

  it.each([
    [
      { aclFile: '/etc/users.acl', configFile: '/etc/redis.conf' },
      'ACL SAVE',
      /unless it is saved by ACL SAVE$/,
    ],
    [
      { aclFile: '', configFile: '/etc/redis.conf' },
      'CONFIG REWRITE',
      /CONFIG REWRITE.*user cgroup on >PASSWORD .*\/etc\/redis.conf$/,
    ],
    [
      { aclFile: '', configFile: '' },
      undefined,
      /unless the line "user cgroup .*configuration that Redis is started with$/,
    ],
    [
      { aclFile: undefined, configFile: '' },
      undefined,
      /ACL SAVE if Redis has an aclfile, else by CONFIG REWRITE/,
    ],
  ])('says how the user survives a restart of Redis: %j', (files, command, text) => {
    const acl = lineFor('redis://h');
    expect(acl.grant(files)[1]?.words.join(' ')).toBe(command);
    expect(acl.lasts(files)).toMatch(text);
  });
});
