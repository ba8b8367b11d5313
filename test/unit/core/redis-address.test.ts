import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostAndPort, parseRedisUrl } from '../../../src/core/redis-address.js';

const LOCAL = { host: 'h', port: 6379, user: '', password: '', db: 0, tls: false, family: 0 };

const H = { host: 'h', port: 6379 };
const S = { host: 'h', port: 26_379 };

/** The rule that a URL breaks. */
function ruleOf(url: string): string {
  try {
    parseRedisUrl(url);
  } catch (error) {
    expect(error).toMatchObject({ code: 'SETTINGS' });
    return (error as Error).message;
  }
  throw new Error(`${url} is taken`);
}

describe('parseRedisUrl', () => {
  it.each([
    ['redis://h', LOCAL],
    ['redis://h/', LOCAL],
    ['redis://h:6380/7', { ...LOCAL, port: 6380, db: 7 }],
    ['REDISS://h', { ...LOCAL, tls: true }],
    ['redis://h?db=12', { ...LOCAL, db: 12 }],
    ['redis://h/?db=12', { ...LOCAL, db: 12 }],
    ['redis://h/12?db=12&family=6', { ...LOCAL, db: 12, family: 6 }],
    ['redis://h?family=4', { ...LOCAL, family: 4 }],
    ['redis://h?family=0', LOCAL],
    ['redis://[fe80::2]:1/1', { ...LOCAL, host: 'fe80::2', port: 1, db: 1 }],
    ['redis://my_redis-1.svc.local', { ...LOCAL, host: 'my_redis-1.svc.local' }],
    ['redis://:p%40s%2Fs@h', { ...LOCAL, password: 'p@s/s' }],
    ['redis://us%3Aer:p@h', { ...LOCAL, user: 'us:er', password: 'p' }],
    ['redis://alone@h', { ...LOCAL, user: 'alone' }],
    ['\ufeff\t redis://h\r\n', LOCAL],
    [
      'redis://u:p@h,[::2]:1/3',
      { ...LOCAL, user: 'u', password: 'p', db: 3, nodes: [H, { host: '::2', port: 1 }] },
    ],
    [
      'redis-sentinel://h#m',
      { ...LOCAL, ...S, nodes: [S], sentinel: { master: 'm', user: '', password: '' } },
    ],
    [
      'Rediss-Sentinel://:p%2C@h,b:7/4?sentinelUser=su&sentinelPassword=s%2Cp+#my-master.1',
      {
        ...LOCAL,
        ...S,
        password: 'p,',
        db: 4,
        tls: true,
        nodes: [S, { host: 'b', port: 7 }],
        sentinel: { master: 'my-master.1', user: 'su', password: 's,p+' },
      },
    ],
  ])('reads %j', (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address);
  });

  it.each([
    ['redis://h?keyPrefix=a:', /^must not have the parameter keyPrefix: there are db and family;/],
    ['redis://h/1?db=1&timeout=1', /^must not have the parameter timeout:/],
    ['redis://h?=x', /^must not have such a parameter:/],
    ['redis://h?DB=1', /^must not have the parameter DB:/],
    ['redis://h?db=1&db=1', /^must have the parameter db once$/],
    ['redis://h/4?db=3', /^must name one database: \/4 and db=3 are two$/],
    ['redis://h/0?db=3', /^must name one database: \/0 and db=3 are two$/],
    ['redis://h?db=', /^must have the number of a database after db=$/],
    ['redis://h?db=-1', /^must have the number of a database after db=$/],
    ['redis://h?family=5', /^must have 4, 6 or 0 \(any\) after family=$/],
    ['redis://h:0', /^must have a port/],
    ['redis://h,h:0', /^must have a port/],
    [
      'redis://h?sentinelPassword=x',
      /^must not have the parameter sentinelPassword: there are db and family;/,
    ],
    ['redis-sentinel://h', /^must end with the name of the master/],
    ['redis-sentinel://h/0#a%20b', /^must end with the name of the master/],
    ['redis-sentinel://h/x#m', /^must be a URL such as redis-sentinel:/],
    ['redis-sentinel://h?keyPrefix=a#m', /: there are db, family, sentinelUser and sentinelPassword;/],
    ['"redis://h"', /without quotes around it$/],
    ["'redis://h'", /without quotes around it$/],
    ['redis+sentinel://h#m', /^must begin with redis-sentinel:\/\/, not redis\+sentinel:\/\/$/],
    ['Rediss+Sentinel://h#m', /^must begin with rediss-sentinel:\/\//],
    ['redis-sentinel://h#m?sentinelPassword=x', /^must have its parameters before the name of the master:/],
    ['redis://:a/b@h', /: in a password a \/ is written %2F, /],
    ['redis-sentinel://:a#b@h#m', /^must be a URL such as redis-sentinel:.* a # %23,/],
    ['redis://:50%@h', /, a % %25$/],
    [
      'redis://a,redis://b',
      /^must be one URL, .*: redis-sentinel:\/\/host-a,host-b\/0#mymaster for Sentinels; for a Cluster one/,
    ],
    ['redis://u:geheim@a/1, rediss://u:geheim@b/1', /^must be one URL, [^@]*$/],
    ['redis-sentinel://a:26379,redis-sentinel://b:26379/0#m', /^must be one URL, with its scheme once:/],
  ])('refuses %j in words of its own', (url, rule) => {
    expect(ruleOf(url)).toMatch(rule);
  });

  it.each([
    ...['', 'h', 'h:6379', 'http://h', 'redis:h', 'redis://', 'redis:///1', 'unix:///tmp/s', 'redis+tls://h'],
    ...[
      'redis://h/x',
      'redis://h/-1',
      'redis://h/1/',
      'redis://h/9999999999',
      'redis://h#x',
      'redis://h:65536',
    ],
    ...[
      'redis://a,',
      'redis://a:1,,b:2',
      'redis://h ost',
      'redis://h\n.x',
      'redis://bücher',
      'redis://a%ff@h',
    ],
  ])('refuses %j', (url) => {
    expect(ruleOf(url)).toMatch(/^must be a URL such as redis:/);
  });

  it('never quotes a password, wherever its signs make a parser look for it', () => {
    const secret = 'geheim7';
    const sign = fc.constantFrom('/', '?', '#', '%', ' ', '@', ':', '&', '=', '"', '\t', 'a', '1', '');
    const password = fc.tuple(sign, sign, sign, sign).map(([a, b, c, d]) => a + b + secret + c + d);
    fc.assert(
      fc.property(password, fc.constantFrom('', '/3', '?db=3', '?x=1'), (text, end) => {
        try {
          expect(parseRedisUrl(`redis://u:${text}@h${end}`).password).toContain(secret);
        } catch (error) {
          expect((error as Error).message).not.toContain(secret);
        }
      }),
    );
  });

  it('reads every password that is percent-encoded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (password) => {
        expect(parseRedisUrl(`redis://:${encodeURIComponent(password)}@h/3`)).toEqual({
          ...LOCAL,
          password,
          db: 3,
        });
      }),
    );
  });
});

it('hostAndPort writes an IPv6 address in brackets', () => {
  expect(hostAndPort({ host: '::1', port: 1 })).toBe('[::1]:1');
  expect(hostAndPort({ host: 'h', port: 1 })).toBe('h:1');
});
