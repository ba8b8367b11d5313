import { describe, expect, it } from 'vitest';
import { CgroupError } from '../../../../src/core/errors.js';
import { mendable, moreTelling, unreachable } from '../../../../src/redis/protocol/unreachable.js';

const PLAIN = { name: 'Redis at [::1]:7000', tls: undefined };
const TLS = { name: 'Redis at h:7000', tls: {} };
const FILES = {
  name: 'Redis at h:7000',
  tls: { redisCa: 'ca', redisCert: 'c', redisKey: 'k', redisServerName: 'n' },
};

function failed(message: string, fields: object = {}): Error {
  return Object.assign(new Error(message), fields);
}

const reply = (message: string) => failed(message, { name: 'ReplyError' });
const reset = failed('read ECONNRESET', { code: 'ECONNRESET', syscall: 'read' });
const flushed = failed('Reached the max retries per request limit', { name: 'MaxRetriesPerRequestError' });
const refused = failed('connect ECONNREFUSED ::1:7000', {
  ...{ code: 'ECONNREFUSED', syscall: 'connect', address: '::1', port: 7000 },
});
const noRedis = failed('Protocol error, got "H" as reply type byte. Please report this.', {
  name: 'ParserError',
});
const selfSigned = failed('self-signed certificate', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
const wanted = failed('80ACA1:error:0A00045C:SSL routines:…:\n', {
  reason: 'tlsv13 alert certificate required',
});

describe('a Redis that cannot be used', () => {
  it.each([
    [PLAIN, undefined, '(no answer): is it running, and is --redis right?'],
    [TLS, undefined, '(no answer): does this port speak TLS? If not, write redis://'],
    [PLAIN, refused, '(connect ECONNREFUSED [::1]:7000): is it running, and is --redis right?'],
    [PLAIN, reset, '(read ECONNRESET): is --redis right? A port that speaks TLS needs rediss://'],
    [PLAIN, flushed, '(it closes the connection): is --redis right? A port that speaks TLS needs rediss://'],
    [TLS, reset, '(read ECONNRESET): does this port speak TLS? If not, write redis://'],
    [
      PLAIN,
      noRedis,
      '(what answers is not Redis: Protocol error, got "H" as reply type byte): is --redis right?',
    ],
    [PLAIN, reply('ERR no upstream host'), '(it answers: ERR no upstream host): is --redis right?'],
    [
      PLAIN,
      reply('ERR max number of clients reached'),
      'reached): end clients of it, or raise its setting maxclients',
    ],
    [PLAIN, reply(`DENIED Redis ${'x'.repeat(500)}`), 'x…): give Redis a password, and put it into the URL'],
    [TLS, selfSigned, 'set redisCa (--redis-ca ca.pem)'],
    [TLS, failed('', { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }), 'set redisCa (--redis-ca ca.pem)'],
    [FILES, selfSigned, 'the CA in redisCa did not sign the certificate of Redis'],
    [
      TLS,
      wanted,
      '(tlsv13 alert certificate required): Redis asks for a certificate of its clients: set redisCert',
    ],
    [
      FILES,
      failed('x', { reason: 'tlsv1 alert unknown ca' }),
      'Redis does not accept the certificate in redisCert',
    ],
    [FILES, failed('x', { code: 'CERT_HAS_EXPIRED' }), '(x): renew the certificate of Redis'],
    [FILES, failed('x', { code: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' }), 'redisKey is not the key'],
    [
      FILES,
      failed('x', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
      '(x): set redisServerName (--redis-server-name) to',
    ],
    [
      TLS,
      failed('x', { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }),
      '(x): use a name of the certificate in --redis',
    ],
    [
      TLS,
      failed('x', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }),
      'does this port speak TLS? If not, write redis://',
    ],
    [PLAIN, failed('', { code: 'ECONNREFUSED' }), '(ECONNREFUSED): is it running'],
  ])('%o: %s', (address, error, text) => {
    const failure = unreachable(address, 2_500, error);
    expect(failure).toMatchObject({ code: 'REDIS_UNREACHABLE', cause: error });
    const at = address === PLAIN ? '[::1]:7000' : 'h:7000';
    expect(failure.message).toMatch(/^cannot reach Redis at \S+ within 2.5 s \([^\n]+\): [^\n]+$/);
    expect(failure.message).toContain(`at ${at} within`);
    expect(failure.message).toContain(text);
  });
});

describe('of two errors', () => {
  it.each([reply('ERR max number of clients reached'), noRedis, selfSigned, wanted])(
    'the end of a connection does not replace the reason: %s',
    (reason) => {
      for (const end of [reset, flushed]) {
        expect(moreTelling(reason, end)).toBe(reason);
        expect(moreTelling(end, reason)).toBe(reason);
      }
      expect(moreTelling(reason, refused)).toBe(refused);
    },
  );

  it('the end of a connection replaces a network that failed before', () => {
    for (const end of [reset, flushed])
      for (const before of [undefined, refused, reset, flushed]) expect(moreTelling(before, end)).toBe(end);
  });
});

describe('a connection that is lost', () => {
  it('has a reason to mend if settings, certificates or limits are wrong', () => {
    expect(mendable(TLS, selfSigned)).toMatch(/^self-signed certificate: .*set redisCa/);
    expect(mendable(TLS, wanted)).toMatch(/^tlsv13 alert certificate required: .*set redisCert/);
    expect(mendable(PLAIN, reply('WRONGPASS invalid username-password pair'))).toMatch(
      /: correct the user and the password in the URL$/,
    );
    expect(mendable(PLAIN, new CgroupError('SETTINGS', 'redisCa: no file'))).toBe('redisCa: no file');
  });

  it('has none while Redis is away, or another server is looked for', () => {
    for (const error of [refused, reset, flushed, reply('LOADING'), new Error('it is a replica')])
      expect(mendable(TLS, error)).toBeUndefined();
  });
});
