import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SettingsError } from '../../../src/core/errors.js';
import { parseOptions, parseSettings } from '../../../src/settings/parse.js';
import { problemOf, settingNames, settingsSchema } from '../../../src/settings/schema.js';

/** The problems of an input, as `setting: message`. */
function problems(input: unknown): string[] {
  try {
    parseSettings(input);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    expect(error.code).toBe('SETTINGS');
    expect(error.message.split('\n')).toEqual(error.problems.map((one) => one.message));
    return error.problems.map((one) => `${one.setting}: ${one.message}`);
  }
}

const WHOLE = 'must be a whole number, from 1 to 10000';
const DURATION = 'must be a duration such as 250ms, 3s or 2m';
const URL =
  'must be a URL such as redis://user:password@host:6379/0 (rediss:// for TLS), ' +
  'special characters in it percent-encoded';

describe('parseSettings', () => {
  it('fills in the documented defaults', () => {
    expect(parseSettings({})).toEqual({
      size: 3,
      redis: 'redis://127.0.0.1:6379',
      channel: 'messages:published',
      sharded: false,
      listFrom: 'left',
      output: 'messages:processed',
      outputType: 'stream',
      consumerList: 'consumer:ids',
      group: 'cgroup',
      order: 'none',
      orderWindow: 10_000,
      onDead: 'skip',
      recordTable: 'cgroup_messages',
      threads: 'auto',
      simulateMs: 0,
      managed: false,
      capacity: 64,
      monitor: false,
      interval: 3_000,
      concurrency: 1,
      batch: 'auto',
      maxAttempts: 5,
      minReplicas: 0,
      lanes: 1,
      backoff: 200,
      timeout: 60_000,
      outputMaxLen: 0,
      deadMaxLen: 0,
      claimAfter: 3_000,
      heartbeat: 1_000,
      lease: 1_000,
      shutdownTimeout: 10_000,
      bridge: 'auto',
      bridges: 2,
      retain: 5_000,
      bufferLimit: 512 * 2 ** 20,
      embedded: false,
      httpActions: false,
      logLevel: 'info',
    });
  });

  it('treats undefined as not set', () => {
    expect(parseSettings({ size: undefined, processor: undefined, interval: undefined })).toMatchObject({
      size: 3,
      interval: 3_000,
    });
  });

  it.each([
    [
      { size: 10_000, batch: 1, simulateMs: 0 },
      { size: 10_000, batch: 1, simulateMs: 0 },
    ],
    [
      { interval: '1.5s', timeout: '24h', backoff: '1ms' },
      { interval: 1_500, timeout: 86_400_000, backoff: 1 },
    ],
    [
      { heartbeat: '1500ms', claimAfter: '3s' },
      { heartbeat: 1_500, claimAfter: 3_000 },
    ],
    [{ http: 9464 }, { http: { host: '127.0.0.1', port: 9464 } }],
    [
      { http: '0.0.0.0:9464', httpToken: 'sixteen-letters!' },
      { http: { host: '0.0.0.0', port: 9464 }, httpToken: 'sixteen-letters!' },
    ],
    [
      { monitor: true, embedded: false },
      { monitor: true, embedded: false },
    ],
    [
      { bridge: 'only', logLevel: 'silent', logFormat: 'json' },
      { bridge: 'only', logLevel: 'silent' },
    ],
    [{ redis: 'rediss://u:p%40@h:1/15?family=6' }, { redis: 'rediss://u:p%40@h:1/15?family=6' }],
    [{ redis: ' redis://h:1\n' }, { redis: 'redis://h:1' }],
    [{ redis: 'redis://[::1]/' }, { redis: 'redis://[::1]/' }],
  ])('takes %j', (input, output) => {
    expect(parseSettings(input)).toMatchObject(output);
  });

  it.each([
    [{ size: 0 }, `size: size ${WHOLE}; got 0`],
    [{ size: -1 }, `size: size ${WHOLE}; got -1`],
    [{ size: 1.5 }, `size: size ${WHOLE}; got 1.5`],
    [{ size: 0.5 }, `size: size ${WHOLE}; got 0.5`],
    [{ size: 10_001 }, `size: size ${WHOLE}; got 10001`],
    [{ size: Number.NaN }, `size: size ${WHOLE}; got NaN`],
    [{ size: Number.POSITIVE_INFINITY }, `size: size ${WHOLE}; got Infinity`],
    [{ size: 'many' }, `size: size ${WHOLE}; got "many"`],
    [{ size: '3' }, `size: size ${WHOLE}; got "3"`],
    [{ size: null }, `size: size ${WHOLE}; got null`],
    [{ size: [3] }, `size: size ${WHOLE}; got a list`],
    [{ size: { a: 1 } }, `size: size ${WHOLE}; got an object`],
    [{ size: () => 3 }, `size: size ${WHOLE}; got a function`],
    [{ size: 'a\nb' }, `size: size ${WHOLE}; got "a\\nb"`],
    [{ outputMaxLen: -1 }, 'outputMaxLen: outputMaxLen must be a whole number, 0 or more; got -1'],
    [{ batch: 'all' }, 'batch: batch must be auto or a whole number, from 1 to 5000; got "all"'],
    [{ batch: 0 }, 'batch: batch must be auto or a whole number, from 1 to 5000; got 0'],
    [{ interval: 3 }, `interval: interval ${DURATION}; got 3`],
    [{ interval: 'soon' }, `interval: interval ${DURATION}; got "soon"`],
    [{ interval: '50ms' }, 'interval: interval must be a duration from 100ms to 24h; got "50ms"'],
    [{ timeout: '0s' }, 'timeout: timeout must be a duration from 1ms to 24h; got "0s"'],
    // Above 2^31 ms a timer would fire at once.
    [{ timeout: '1000h' }, 'timeout: timeout must be a duration from 1ms to 24h; got "1000h"'],
    [{ timeout: `${'9'.repeat(200)}s` }, `timeout: timeout ${DURATION}; got "${'9'.repeat(80)}…"`],
    [{ monitor: 'yes' }, 'monitor: monitor must be true or false; got "yes"'],
    [{ bridge: 'on' }, 'bridge: bridge must be one of auto, off, only; got "on"'],
    [{ channel: '' }, 'channel: channel must not be empty; got ""'],
    [{ channel: 7 }, 'channel: channel must be a text; got 7'],
    [{ output: 'a{b}' }, 'output: output must not contain { or }; got "a{b}"'],
    [{ processor: '' }, 'processor: processor must not be empty; got ""'],
    [{ group: 'a\ud800' }, 'group: group must not hold half a surrogate pair; got "a\\ud800"'],
    [{ sise: 3 }, 'sise: there is no setting "sise"; did you mean "size"?'],
    [{ foo: 3 }, `foo: there is no setting "foo"; there are ${settingNames.join(', ')}`],
  ])('refuses %o', (input, problem) => {
    expect(problems(input)).toEqual([problem]);
  });

  it.each([
    'http://u:secret@h',
    'secret',
    'redis://',
    'redis://:secret@',
    'redis://u:secret',
    'redis://u:sec%ret@h',
    'redis://h/secret',
    'redis://u:1?secret@h',
    'redis://u:1#secret@h',
    'redis://u:sec\tret@h',
    7,
    null,
  ])('refuses the URL %j without repeating it', (redis) => {
    const encoded = ': in a password a / is written %2F, a ? %3F, a # %23, a % %25';
    expect([[`redis: redis ${URL}`], [`redis: redis ${URL}${encoded}`]]).toContainEqual(problems({ redis }));
  });

  it.each(['short', 'with a blank inside it', 'no-ümlauts-in-headers', 1234567890123456, null])(
    'refuses the token %j without showing it',
    (httpToken) => {
      const error = 'must be a text of 16 or more letters, digits and signs, without blanks';
      expect(problems({ httpToken })).toEqual([`httpToken: httpToken ${error}`]);
    },
  );

  it.each(['0.0.0.0:9464', '[::]:9464', 'host.example:1'])('serves %s only with a token', (http) => {
    const error = `http beyond this machine needs httpToken, a secret of your own; got ${http}`;
    expect(problems({ http })).toEqual([`http: ${error}`]);
    expect(problems({ http, httpToken: 'sixteen-letters!' })).toEqual([]);
    expect(problems({ http: 9464 })).toEqual([]);
  });

  it('refuses a managed process without consumers', () => {
    expect(problems({ managed: true, bridge: 'only' })).toEqual([
      'managed: managed is for processes with consumers, and with bridge only there are none: leave one out',
    ]);
    for (const bridge of ['auto', 'off']) expect(problems({ managed: true, bridge })).toEqual([]);
    expect(problems({ managed: false, bridge: 'only' })).toEqual([]);
  });

  it.each(['x', '1.2.3.4', 65_536, -1, true])('refuses to serve at %j', (http) => {
    const error =
      'must be a port or HOST:PORT, such as 9464, 0.0.0.0:9464 or [::1]:9464, the port from 0 to 65535';
    expect(problems({ http })).toEqual([`http: http ${error}; got ${JSON.stringify(http)}`]);
  });

  it.each([undefined, null, 'size=3', [], 3])('refuses %j in place of an object', (input) => {
    expect(problems(input)).toEqual([': settings must be an object']);
  });

  it('names all problems at once, also those between settings', () => {
    const input = { size: 'many', interval: '3', sise: 1, heartbeat: '750ms', claimAfter: '1s' };
    expect(problems(input)).toEqual([
      `size: size ${WHOLE}; got "many"`,
      `interval: interval ${DURATION}; got "3"`,
      'sise: there is no setting "sise"; did you mean "size"?',
      'claimAfter: claimAfter must be at least twice heartbeat, 1500ms; got 1s',
    ]);
  });

  it.each([
    [{ claimAfter: '1999ms' }, 'claimAfter: claimAfter must be at least twice heartbeat, 2s; got 1999ms'],
    [{ heartbeat: '2s' }, 'heartbeat: claimAfter must be at least twice heartbeat, 4s; got 3s'],
    [
      { output: 'x', consumerList: 'x' },
      'consumerList: output, consumerList and list or stream must be different keys; got "x" twice',
    ],
    [
      { output: 'consumer:ids' },
      'output: output, consumerList and list or stream must be different keys; got "consumer:ids" twice',
    ],
    [
      { list: 'x', output: 'x' },
      'list: output, consumerList and list or stream must be different keys; got "x" twice',
    ],
    [
      { channel: 'x', list: 'y' },
      'list: messages come from one of channel, list and stream: channel is set too; leave one out',
    ],
    [
      { stream: 'x', list: 'y' },
      'stream: messages come from one of channel, list and stream: list is set too; leave one out',
    ],
    [{ order: 'key' }, 'order: order key needs orderKey, where the key is: orderKey customer.id'],
    [
      { order: 'total', orderKey: 'a' },
      'orderKey: orderKey is for order key: set order to key, or leave it out',
    ],
    [
      { lanes: 3, order: 'total' },
      'lanes: lanes have no order among them, so order total needs lanes 1; order key goes with any number',
    ],
    [
      { lanes: 2, record: 'redis' },
      'lanes: with a record there is one lane: set lanes to 1, or leave out record',
    ],
    [{ lanes: 2, stream: 's' }, 'lanes: lanes are for a channel: set lanes to 1, or leave out stream'],
    [{ onDead: 'halt' }, 'onDead: onDead halt needs an order: total or key'],
    [{ recordSql: 'x.sql' }, 'recordSql: recordSql needs a record in PostgreSQL: record postgres://…'],
    [
      { record: 'redis', recordSql: 'x.sql' },
      'recordSql: recordSql needs a record in PostgreSQL, not in Redis: record postgres://…',
    ],
    [
      { record: 'redis', recordTable: 'results' },
      'recordTable: recordTable needs a record in PostgreSQL, not in Redis: record postgres://…',
    ],
    [
      { record: 'redis://127.0.0.1' },
      'record: record must be redis, or a URL such as postgres://user:password@host:5432/database',
    ],
    [
      { order: 'total', heartbeat: '1s' },
      'heartbeat: claimAfter must be at least twice heartbeat, 2s; got 1s',
    ],
    [
      { sharded: true, list: 'orders' },
      'sharded: sharded is for a channel: leave it out, or list and stream',
    ],
    [
      { sharded: true, channel: 'a}b' },
      'channel: a sharded channel with a } needs a hash tag, such as {orders}:published: the channel of the marks must be in ' +
        'its hash slot; got "a}b"',
    ],
    // Two values are not compared if one of them is wrong.
    [{ heartbeat: '2s', claimAfter: 'x' }, `claimAfter: claimAfter ${DURATION}; got "x"`],
  ])('compares values with each other: %j', (input, problem) => {
    expect(problems(input)).toEqual([problem]);
  });

  it('takes a record in Redis, and one in PostgreSQL with its table', () => {
    expect(parseSettings({ record: 'redis' }).record).toBe('redis');
    const postgres = { record: 'postgres://me@host/db', recordTable: 'results', recordSql: 'x.sql' };
    expect(parseSettings(postgres)).toMatchObject(postgres);
  });

  it('finds silent consumers sooner with an order, unless told otherwise', () => {
    expect(parseSettings({ order: 'total' })).toMatchObject({ heartbeat: 250, claimAfter: 1_000 });
    expect(parseSettings({ order: 'total', claimAfter: '5s' })).toMatchObject({
      heartbeat: 250,
      claimAfter: 5_000,
    });
    expect(parseSettings({ order: 'none' })).toMatchObject({ heartbeat: 1_000, claimAfter: 3_000 });
  });

  it('throws only SettingsError for any input', () => {
    const input = fc.oneof(
      fc.anything({ withNullPrototype: true, withBigInt: true, withDate: true }),
      fc.dictionary(fc.constantFrom(...settingNames), fc.anything({ withBigInt: true })),
    );
    fc.assert(
      fc.property(input, (value) => {
        const lines = problems(value);
        for (const line of lines) expect(line).not.toContain('\n');
        expect(new Set(lines).size).toBe(lines.length);
      }),
    );
  });
});

describe('problemOf', () => {
  it('finds the same problems as parseSettings', () => {
    const cases = fc.tuple(fc.constantFrom(...settingNames), fc.jsonValue());
    fc.assert(
      fc.property(cases, ([name, value]) => {
        const problem = problemOf(name, value);
        // It does not check rules between settings.
        const together = problems({ [name]: value }).filter(
          (line) => !/twice|needs a record|is for order key|is for TLS/.test(line),
        );
        expect(problem ? [`${problem.setting}: ${problem.message}`] : []).toEqual(together);
      }),
    );
  });
});

describe('settingsSchema', () => {
  it.each(settingNames)('%s has a description', (name) => {
    expect(settingsSchema.shape[name].description).toMatch(/^\w.{10,}[^.]$/);
  });
});

describe('parseOptions', () => {
  it('takes whole milliseconds for a duration, and the file: URL of a module', () => {
    const { timeout, retain, processor } = parseOptions({
      timeout: 60_000,
      retain: 0,
      processor: new globalThis.URL('file:///a%20folder/handler.mjs'),
    });
    expect([timeout, retain, processor]).toEqual([60_000, 0, '/a folder/handler.mjs']);
  });

  it('takes the URL of a service', () => {
    const url = 'https://me:secret@example.com/x?v=2';
    expect(parseOptions({ processor: new globalThis.URL(url) }).processor).toBe(url);
  });

  it.each([
    [{ timeout: Number.NaN }, 'timeout must be a duration such as 250ms, 3s or 2m; got NaN'],
    [{ timeout: 1.5 }, 'timeout must be a duration such as 250ms, 3s or 2m; got 1.5'],
    [{ timeout: -1 }, 'timeout must be a duration such as 250ms, 3s or 2m; got -1'],
    [{ timeout: 0 }, 'timeout must be a duration from 1ms to 24h'],
    [{ processor: new globalThis.URL('file://elsewhere/x.mjs') }, 'got "file://elsewhere/x.mjs"'],
    [{ processor: new globalThis.URL('file:///a%2Fb.mjs') }, 'got "file:///a%2Fb.mjs"'],
    [{ processor: new globalThis.URL('ftp://me:secret@example.com/x') }, 'got "ftp://me:***@example.com/x"'],
    [
      { processor: 'http://me:secret@' },
      'processor must be a whole URL, such as http://127.0.0.1:8080/; got "http://me:***@"',
    ],
  ])('refuses %o', (options, problem) => {
    expect(() => parseOptions(options)).toThrow(SettingsError);
    expect(() => parseOptions(options)).toThrow(problem);
  });
});
