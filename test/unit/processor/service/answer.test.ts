import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outcomeOf, reasonOf, retryAfterOf, signOf } from '../../../../src/processor/service/answer.js';

const NOW = Date.parse('2026-11-29T02:00:00Z');
const SENT = { messageId: 'a1', text: '{"message_id": "a1", "n": 12345678901234567890}' };

function answer(status: number, body: string | Buffer = '', headers: Record<string, string> = {}) {
  return outcomeOf({ status, headers }, Buffer.from(body), SENT, NOW);
}

const failed = (error: unknown) => ({ kind: 'failed', reason: 'failed', error });

describe('a success', () => {
  it.each([
    ['an object', '{"total":6}', '{"total":6}'],
    ['numbers beyond 2^53, kept as written', '{"n":12345678901234567891,"x":1.10}', undefined],
    ['a text', '"done"', undefined],
    ['null', 'null', undefined],
    ['blanks around it', '\r\n {"a": 1}\n', '{"a": 1}'],
    ['a byte order mark', '\uFEFF[1]', '[1]'],
  ])('with %s is the result', (_, body, data = body) => {
    expect(answer(200, body)).toEqual({ kind: 'processed', messageId: 'a1', data });
    expect(answer(201, body)).toEqual({ kind: 'processed', messageId: 'a1', data });
  });

  it('keeps any JSON as it is written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value, null, 1);
        expect(answer(200, text)).toEqual({ kind: 'processed', messageId: 'a1', data: text });
      }),
    );
  });

  it('204 leaves the message as it was published', () => {
    expect(answer(204)).toEqual({ kind: 'processed', messageId: 'a1', data: SENT.text });
  });

  it.each([
    ['no body', '', /^the service answered 200 without a body: answer with JSON, or with 204 to keep/],
    ['no JSON', 'OK', /^the service answered 200 with a body that is no JSON: Unexpected token/],
    ['half of it', '{"a":', /no JSON: /],
    ['two values', '{} {}', /no JSON: /],
    ['blanks', ' \n', /no JSON: /],
    ['bytes', Buffer.from([0x22, 0xff, 0x22]), /with a body that is not valid UTF-8$/],
  ])('with %s is a failed attempt that says so', (_, body, error) => {
    expect(answer(200, body)).toEqual(failed(expect.stringMatching(error)));
  });

  it('with an encoding that was not asked for is a failed attempt that says so', () => {
    const error = 'the service answered 200 with content-encoding gzip, which was not asked for';
    expect(answer(200, 'x', { 'content-encoding': 'gzip' })).toEqual(failed(error));
    expect(answer(200, '1', { 'content-encoding': 'identity' }).kind).toBe('processed');
  });
});

describe('a refusal', () => {
  it.each([400, 401, 403, 404, 409, 410, 413, 415, 422, 451, 499])('%i gives the message up', (status) => {
    expect(answer(status, ' no such order\n')).toEqual({
      kind: 'given-up',
      error: `the service answered ${status}: no such order`,
    });
  });

  it.each([300, 301, 304, 408, 425, 429, 500, 501, 502, 503, 504, 599])(
    '%i is a failed attempt',
    (status) => {
      expect(answer(status)).toMatchObject(failed(expect.stringContaining(`the service answered ${status}`)));
    },
  );

  it('a redirect says where it points to, without secrets', () => {
    const location = 'https://user:secret@other.example/path';
    expect(answer(308, '', { location })).toEqual(
      failed(
        'the service answered 308, which points to https://user:***@other.example/path: redirects are not followed, so use that URL',
      ),
    );
    expect(answer(302)).toEqual(failed('the service answered 302: redirects are not followed'));
  });

  it('a page for people is left out', () => {
    const error = 'the service answered 502';
    expect(answer(502, '<html>…', { 'content-type': 'text/HTML; charset=utf-8' })).toEqual(failed(error));
  });

  it('keeps Retry-After, if another attempt is made', () => {
    for (const status of [429, 503, 500])
      expect(answer(status, '', { 'retry-after': '7' })).toMatchObject({ kind: 'failed', retryAfter: 7_000 });
    expect(answer(404, '', { 'retry-after': '7' })).toEqual({
      kind: 'given-up',
      error: 'the service answered 404',
    });
  });
});

it.each([
  ['0', 0],
  [' 120 ', 120_000],
  ['Sun, 29 Nov 2026 02:00:30 GMT', 30_000],
  ['Sun, 29 Nov 2026 01:00:00 GMT', 0],
  [undefined, undefined],
  ['', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['soon', undefined],
  ['2026-11-29', undefined],
  ['rubbish GMT', undefined],
])('Retry-After %j asks for a wait of %s ms', (header, wait) => {
  expect(retryAfterOf(header, NOW)).toBe(wait);
});

it('what a gateway answers in place of a service speaks against the service; any other answer for it', () => {
  for (const status of [502, 503, 504]) expect(signOf(status)).toBe('failing');
  for (const status of [200, 204, 301, 400, 429, 500, 501]) expect(signOf(status)).toBe('answered');
});

it('an error without an answer is put into words', () => {
  const errors = [new Error('connect ECONNREFUSED ::1:80'), new Error('connect ECONNREFUSED 127.0.0.1:80')];
  expect(reasonOf(new AggregateError(errors, ''))).toBe(
    'connect ECONNREFUSED ::1:80, connect ECONNREFUSED 127.0.0.1:80',
  );
  const untrusted = Object.assign(new Error('self-signed certificate'), {
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  });
  expect(reasonOf(untrusted)).toMatch(/^self-signed certificate: .*NODE_EXTRA_CA_CERTS=ca\.pem$/);
});
