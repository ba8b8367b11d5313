import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskUrl, maskUrls } from '../../../src/log/redaction.js';

describe('maskUrl', () => {
  it.each([
    ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
    ['rediss://host:6380/2?family=6', 'rediss://host:6380/2?family=6'],
    ['redis://[::1]:6379/0', 'redis://[::1]:6379/0'],
    ['redis://:pw@h', 'redis://:***@h'],
    ['redis://user:pw@host:6379/0', 'redis://user:***@host:6379/0'],
    ['redis://user:@host', 'redis://user:***@host'],
    ['redis://u:p%40w%2F@h:1', 'redis://u:***@h:1'],
    // A raw @, /, ?, # or : in the password.
    ['redis://u:p@w@h:1', 'redis://u:***@h:1'],
    ['redis://u:12/w@h:1', 'redis://u:***@h:1'],
    ['redis://u:p?w#:x@h:1', 'redis://u:***@h:1'],
    // A user alone is most often a password without its colon.
    ['redis://secret@h:1', 'redis://***@h:1'],
    ['redis://h:1/0?password=secret&db=1', 'redis://h:1/0?password=***&db=1'],
    ['redis://h:1?a=b&sentinelPassword=sec#ret', 'redis://h:1?a=b&sentinelPassword=***'],
    ['redis://h:1?auth_token=a:b@c', 'redis://h:***@c'],
    ['redis://h:1?a=b?token=c?d=e&f=g', 'redis://h:1?a=b?token=***&f=g'],
    // Many places where a secret might begin: takes no time that grows with their square.
    [`redis://h?${'pass?'.repeat(20_000)}`, `redis://h?${'pass?'.repeat(20_000)}`],
    // Not a URL.
    ['redis://user:secret', 'redis://***'],
    ['user:secret@h', 'user:***@h'],
    ['redis:/u:secret@h', 'redis:***@h'],
    ['secret', '***'],
    ['', '***'],
  ])('%s -> %s', (url, masked) => {
    expect(maskUrl(url)).toBe(masked);
  });

  const user = fc.stringMatching(/^[a-z0-9_.-]{0,8}$/);
  const host = fc.constantFrom('localhost', '10.0.0.1:6379', '[::1]:1/0', 'h:6379/0?family=4');

  it('shows nothing of any password, encoded or not', () => {
    fc.assert(
      fc.property(user, fc.string({ unit: 'binary' }), fc.boolean(), host, (name, odd, encoded, at) => {
        const password = `SE${odd}CRET`;
        const written = encoded ? encodeURIComponent(wellFormed(password)) : password;
        const masked = maskUrl(`redis://${name}:${written}@${at}`);
        expect(masked).toBe(`redis://${name}:***@${at}`);
      }),
    );
  });

  it('shows nothing of a password in the parameters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), host, (odd, at) => {
        const password = encodeURIComponent(wellFormed(`SE${odd}CRET`));
        const masked = maskUrl(`redis://${at}${at.includes('?') ? '&' : '?'}password=${password}`);
        expect(masked).not.toContain(password);
        expect(masked).not.toContain('CRET');
      }),
    );
  });

  it('hides a password anywhere before the last @', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        expect(maskUrl(`${before}:SECRET${after}@h`)).not.toContain('SECRET');
      }),
    );
  });

  it('hides every part of a password that consists of characters of URLs', () => {
    const odd = fc.string({ unit: fc.constantFrom(...'@:/?#&=%[]a \n', 'password=', 'redis://') });
    fc.assert(
      fc.property(odd, odd, odd, (before, inside, after) => {
        expect(maskUrl(`redis://${before}:QXJ${inside}ZVK@${after}`)).not.toMatch(/QXJ|ZVK/);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('maskUrls', () => {
  it('masks a URL after a long word, whatever the length of its scheme', () => {
    const word = 'z'.repeat(10_000);
    expect(maskUrls(`${word} amqps://u:pw@h, ${word}`)).toBe(`${word} amqps://u:***@h, ${word}`);
    expect(maskUrls(`see (a://b?x=1${'.'.repeat(10_000)}).`)).toBe(`see (a://b?x=1${'.'.repeat(10_000)}).`);
    const scheme = 's'.repeat(200);
    expect(maskUrls(`${scheme}://u:pw@h`)).toBe(`${scheme}://u:***@h`);
  });
});

/** Lone surrogates cannot be percent-encoded. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

it('maskUrls leaves our own examples and paths of files as they are', () => {
  for (const text of [
    'put it into the URL, redis://:password@host:6379',
    '(a password alone is written redis://:password@host)',
    'such as redis://user:password@host:6379/0 (rediss:// for TLS)',
    'such as redis-sentinel://user:password@host:26379,host:26379/0#mymaster (rediss-sentinel:// for TLS)',
    'redis-sentinel://host-a,host-b/0#mymaster for Sentinels; for a Cluster redis://host-a, or several, redis://host-a,host-b',
    'or ws://HOST:PORT/workers to listen there',
    'at file:///srv/node_modules/@scope/name/index.js:1:2',
  ])
    expect(maskUrls(text)).toBe(text);
  expect(maskUrls('redis://:password@host.example')).toBe('redis://:***@host.example');
});
