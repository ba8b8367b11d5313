import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { SettingsError } from '../../../src/core/errors.js';
import { parseWorkerOptions, type RemoteWorkerOptions } from '../../../src/worker/options.js';

const CONNECT = 'ws://127.0.0.1:9464/workers';

/** What is wrong with these options; they need not have the right types. */
function problemsOf(options: Record<string, unknown>): string[] {
  try {
    parseWorkerOptions({ connect: CONNECT, ...options } as RemoteWorkerOptions);
    return [];
  } catch (error) {
    return error instanceof SettingsError ? error.problems.map(({ message }) => message) : [String(error)];
  }
}

describe('the options of a worker', () => {
  it('have the defaults of the settings, and the name of this machine', () => {
    expect(parseWorkerOptions({ connect: CONNECT })).toMatchObject({
      urls: [CONNECT],
      name: hostname().replace(/[^\w.-]/g, '_'),
      token: undefined,
      concurrency: 1,
      threads: 'auto',
      timeout: 60_000,
      shutdownTimeout: 10_000,
    });
  });

  it('may be written as those of a group', () => {
    const own = { concurrency: 20, timeout: '2s', shutdownTimeout: 500, threads: 0, name: 'w.1-_' };
    const connect = [CONNECT, 'WSS://group.example.com/a/workers?b=1'];
    expect(parseWorkerOptions({ connect, processor: './handler.mjs', ...own })).toMatchObject({
      ...own,
      urls: connect,
      timeout: 2_000,
      processor: './handler.mjs',
    });
    expect(problemsOf({ processor: () => 1, token: '0123456789abcdef' })).toEqual([]);
    for (const processor of ['exec:cat', 'http://127.0.0.1:1', new URL('file:///handler.mjs')])
      expect(problemsOf({ processor })).toEqual([]);
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ connect: undefined }, /^connect needs the URL of a group: ws:/],
    [{ connect: '' }, /^connect needs/],
    [{ connect: [] }, /^connect needs/],
    [{ connect: 9464 }, /^connect must be a ws:/],
    [{ connect: 'a:9464' }, /^connect must be a ws:\/\/ or wss:\/\/ URL.*; got/],
    [{ connect: 'http://a:9464/workers' }, /^connect must be a ws:.*got "http:\/\/a:9464\/workers"/],
    [{ connect: 'ws://' }, /^connect must be a ws:/],
    [{ connect: 'ws://a:99999/workers' }, /^connect must be a ws:/],
    [{ connect: 'ws://a/workers#b' }, /^connect must have no # part/],
    [{ connect: [CONNECT, CONNECT] }, /^connect has ws:.* twice/],
    [{ connect: Array.from({ length: 101 }, (_, at) => `ws://a${at}/`) }, /^connect takes at most 100/],
    [{ name: '' }, /^name must be 1 to 64 letters/],
    [{ name: 'a b' }, /^name must be.*got "a b"/],
    [{ name: 'a'.repeat(65) }, /^name must be/],
    [{ token: 'short' }, /^token must be a text of 16/],
    [{ processor: 'remote' }, /^processor must not be remote here/],
    [{ concurrency: 0 }, /^concurrency must be/],
    [{ size: 3 }, /^there is no option "size" of a worker; there are concurrency/],
  ])('%j is refused', (options, text) => {
    const problems = problemsOf(options);
    expect(problems).toEqual([expect.stringMatching(text)]);
  });

  it('name every wrong one', () => {
    expect(problemsOf({ connect: 'x', name: '?', token: 'x', threads: -1 })).toHaveLength(4);
  });

  it('show no secret in an error', () => {
    const [problem] = problemsOf({ connect: 'ws://user:pass%40word@a:1/workers' });
    expect(problem).toMatch(/must hold no user and password.*CGROUP_HTTP_TOKEN.*user:\*\*\*@a/);
    expect(problemsOf({ token: 'top secret' })).toEqual([expect.not.stringContaining('secret')]);
    expect(problemsOf({ connect: 'http://a/?token=hidden' })).toEqual([
      expect.not.stringContaining('hidden'),
    ]);
  });
});
