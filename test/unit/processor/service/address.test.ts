import { expect, it } from 'vitest';
import { parseServiceUrl } from '../../../../src/processor/service/address.js';

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`;

it.each([
  ['http://127.0.0.1:8080/orders?v=2', 'http://127.0.0.1:8080', '/orders?v=2', undefined],
  ['HTTPS://Example.com', 'https://example.com', '/', undefined],
  ['http://[::1]:80/a#b', 'http://[::1]', '/a', undefined],
  ['https://me:s%40fe%C3%A9@host/x', 'https://host', '/x', basic('me:s@feé')],
  ['https://key@host/x', 'https://host', '/x', basic('key:')],
  ['https://me:50%zz@host/x', 'https://host', '/x', basic('me:50%zz')],
])('%s', (url, origin, path, authorization) => {
  expect(parseServiceUrl(url)).toMatchObject({ origin, path, authorization });
});

it('is shown without user, password and query', () => {
  expect(parseServiceUrl('https://me:secret@host:1/x?token=secret').shown).toBe('https://host:1/x');
});
