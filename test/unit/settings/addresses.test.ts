import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostAndPort } from '../../../src/core/redis-address.js';
import { isLoopback, parseListen } from '../../../src/settings/addresses.js';

describe('parseListen', () => {
  it.each([
    ['9464', { host: '127.0.0.1', port: 9464 }],
    ['0', { host: '127.0.0.1', port: 0 }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
    ['my-host.example:9464', { host: 'my-host.example', port: 9464 }],
    ['[::1]:9464', { host: '::1', port: 9464 }],
    ['[::]:1', { host: '::', port: 1 }],
  ])('parses %s', (text, listen) => {
    expect(parseListen(text)).toEqual(listen);
  });

  it.each([
    '',
    'x',
    ':1',
    'host',
    'host:',
    'host:x',
    '65536',
    '-1',
    '1.5',
    '::1:9464',
    '[::1]',
    '[1.2.3.4]:1',
    'http://h:1',
    'h:1/',
    'a b:1',
  ])('refuses %j', (text) => {
    expect(parseListen(text)).toBeUndefined();
  });

  it('reads what hostAndPort writes', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(host, fc.nat(65_535), (name, port) => {
        expect(parseListen(hostAndPort({ host: name, port }))).toEqual({ host: name, port });
      }),
    );
  });
});

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost', 'LOCALHOST'])('%s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  it.each(['0.0.0.0', '::', '10.0.0.1', '127.evil.example', 'localhost.evil.example', ''])(
    'not %s',
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
