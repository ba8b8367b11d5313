import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type LoadSettingsOptions, loadSettings } from '../../../../src/cli/settings/load-settings.js';
import { messageOf, SettingsError } from '../../../../src/core/errors.js';
import { parseSettings } from '../../../../src/settings/parse.js';
import { settingNames } from '../../../../src/settings/schema.js';

const root = mkdtempSync(join(tmpdir(), 'cgroup-settings-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A new folder with these files. */
function folder(files: Record<string, string> = {}): string {
  const path = mkdtempSync(join(root, 'x-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

async function load({ cwd = folder(), ...options }: Partial<LoadSettingsOptions> = {}) {
  return await loadSettings({ flags: {}, env: {}, cwd, ...options });
}

/** The lines of the error that loading throws. */
async function problems(options: Partial<LoadSettingsOptions>): Promise<string[]> {
  const error: unknown = await load(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SettingsError)) throw new Error(`no SettingsError but ${messageOf(error)}`);
  expect(error.problems.map((one) => one.message).join('\n')).toBe(error.message);
  return error.message.split('\n');
}

const CONFIG = 'consumer-group.config.json';
const WHOLE = 'must be a whole number, from 1 to 10000';

describe('a setting that a command does not read', () => {
  const unread = ['http', 'httpToken', 'httpActions'] as const;
  const cwd = folder({ [CONFIG]: '{"http": "0.0.0.0:9464", "httpActions": true, "size": 7}' });
  it('is the default, may be wrong, and breaks no rule', async () => {
    const { settings } = await load({ cwd, env: { CGROUP_HTTP_TOKEN: 'short' }, unread });
    expect(settings).toEqual(parseSettings({ size: 7 }));
    expect(await problems({ cwd })).toHaveLength(2);
    expect(await problems({ env: { CGROUP_HTTP_TOKEN: 'short' } })).toHaveLength(1);
  });
  it('is refused all the same if there is no such setting', async () => {
    expect(await problems({ env: { CGROUP_HTTP_TOKN: 'x' }, unread })).toHaveLength(1);
  });
});

describe('the source of a setting', () => {
  it('is the default if there is no other', async () => {
    const { settings, origin } = await load();
    expect(settings).toEqual(parseSettings({}));
    expect(Object.keys(origin)).toEqual([...settingNames]);
    expect(new Set(Object.values(origin))).toEqual(new Set(['default']));
  });

  it.each([
    // file, environment, flag, effective, origin
    [undefined, undefined, undefined, 3, 'default'],
    [4, undefined, undefined, 4, CONFIG],
    [undefined, '5', undefined, 5, 'CGROUP_SIZE'],
    [undefined, undefined, '6', 6, '--size'],
    [4, '5', undefined, 5, 'CGROUP_SIZE'],
    [4, undefined, '6', 6, '--size'],
    [undefined, '5', '6', 6, '--size'],
    [4, '5', '6', 6, '--size'],
    // An empty variable is not set.
    [4, '', undefined, 4, CONFIG],
  ])('size: file %s, environment %s, flag %s -> %s from %s', async (file, variable, flag, size, from) => {
    const loaded = await load({
      cwd: folder(file === undefined ? {} : { [CONFIG]: JSON.stringify({ size: file }) }),
      env: { CGROUP_SIZE: variable },
      flags: flag === undefined ? {} : { size: flag },
    });
    expect(loaded.settings.size).toBe(size);
    expect(loaded.origin.size).toBe(from);
    expect(loaded.written.size).toBe(size);
  });

  it.each([
    [{}, undefined, 'redis://file', CONFIG],
    [{ REDIS_URL: 'redis://url' }, undefined, 'redis://url', 'REDIS_URL'],
    [{ REDIS_URL: 'redis://url', CGROUP_REDIS: 'redis://own' }, undefined, 'redis://own', 'CGROUP_REDIS'],
    [{ REDIS_URL: 'redis://url', CGROUP_REDIS: '' }, undefined, 'redis://url', 'REDIS_URL'],
    [{ REDIS_URL: '', CGROUP_REDIS: 'redis://own' }, 'redis://flag', 'redis://flag', '--redis'],
    // REDIS_URL may be wrong for us as long as it is not used: it may be for other programs.
    [{ REDIS_URL: 'unix:///redis.sock' }, 'redis://flag', 'redis://flag', '--redis'],
    [
      { REDIS_URL: 'unix:///redis.sock', CGROUP_REDIS: 'redis://own' },
      undefined,
      'redis://own',
      'CGROUP_REDIS',
    ],
  ])('redis: %j, flag %s -> %s from %s', async (env, flag, redis, from) => {
    const cwd = folder({ [CONFIG]: '{"redis": "redis://file"}' });
    const loaded = await load({ cwd, env, flags: flag === undefined ? {} : { redis: flag } });
    expect(loaded.settings.redis).toBe(redis);
    expect(loaded.origin.redis).toBe(from);
  });

  it('can turn a boolean on or off', async () => {
    const cwd = folder({ [CONFIG]: '{"monitor": true, "embedded": false}' });
    const off = await load({ cwd, env: { CGROUP_EMBEDDED: '1' }, flags: { monitor: false } });
    expect(off.settings).toMatchObject({ monitor: false, embedded: true });
    expect(off.origin).toMatchObject({ monitor: '--no-monitor', embedded: 'CGROUP_EMBEDDED' });
    const zero = await load({ cwd, env: { CGROUP_MONITOR: '0' } });
    expect(zero.settings.monitor).toBe(false);
  });

  it('may differ for each setting', async () => {
    const { settings, origin, written } = await load({
      cwd: folder({ [CONFIG]: '{"interval": "5s", "lease": "2s", "size": 4}' }),
      env: { CGROUP_LEASE: '3s', CGROUP_LOG_LEVEL: 'debug', PATH: '/bin' },
      flags: { size: '9' },
    });
    expect(settings).toMatchObject({
      size: 9,
      interval: 5_000,
      lease: 3_000,
      logLevel: 'debug',
      batch: 'auto',
    });
    expect(origin).toMatchObject({
      size: '--size',
      interval: CONFIG,
      lease: 'CGROUP_LEASE',
      logLevel: 'CGROUP_LOG_LEVEL',
      batch: 'default',
    });
    expect(written).toMatchObject({ size: 9, interval: '5s', lease: '3s', timeout: '60s' });
  });

  it('give the library no table of PostgreSQL with a record in Redis', async () => {
    expect((await load({ flags: { record: 'redis' } })).written.recordTable).toBeUndefined();
    expect((await load({})).written.recordTable).toBe('cgroup_messages');
    await expect(load({ flags: { record: 'redis', recordTable: 'cgroup_messages' } })).rejects.toThrow(
      '--record-table: needs a record in PostgreSQL, not in Redis',
    );
  });

  it('may be a variable, for every setting', async () => {
    const variables = { CGROUP_OUTPUT_MAX_LEN: '7', CGROUP_SIMULATE_MS: '8', CGROUP_CONSUMER_LIST: 'l' };
    const { settings } = await load({ env: variables });
    expect(settings).toMatchObject({ outputMaxLen: 7, simulateMs: 8, consumerList: 'l' });
  });
});

describe('the environment', () => {
  it('must not have a CGROUP_ variable without a setting', async () => {
    expect(await problems({ env: { CGROUP_SISE: '3', CGROUP_REDIS_URL: 'redis://:secret@h' } })).toEqual([
      'CGROUP_SISE: there is no setting of this name; did you mean CGROUP_SIZE?',
      'CGROUP_REDIS_URL: there is no setting of this name; did you mean CGROUP_REDIS?',
    ]);
    const [line] = await problems({ env: { CGROUP_QQ: '3' } });
    expect(line).toMatch(
      /^CGROUP_QQ: there is no setting of this name; there are CGROUP_SIZE, CGROUP_REDIS, /,
    );
  });

  it('may have the variables of Kubernetes for a service called cgroup', async () => {
    const env = {
      CGROUP_SERVICE_HOST: '10.0.0.1',
      CGROUP_SERVICE_PORT: '6379',
      CGROUP_SERVICE_PORT_METRICS: '9100',
      CGROUP_PORT: 'tcp://10.0.0.1:6379',
      CGROUP_PORT_6379_TCP: 'tcp://10.0.0.1:6379',
      CGROUP_PORT_6379_TCP_ADDR: '10.0.0.1',
      CGROUP_REDIS_MASTER_SERVICE_HOST: '10.0.0.2',
      CGROUP_REDIS_MASTER_PORT_6379_TCP_PROTO: 'tcp',
      CGROUP_UNKNOWN: '',
    };
    await expect(load({ env })).resolves.toBeDefined();
  });

  it.each([
    ['CGROUP_SIZE', 'many', `CGROUP_SIZE: ${WHOLE}; got "many"`],
    ['CGROUP_SIZE', '0', `CGROUP_SIZE: ${WHOLE}; got 0`],
    ['CGROUP_MONITOR', 'yes', 'CGROUP_MONITOR: must be true or false; got "yes"'],
    ['CGROUP_INTERVAL', '3', 'CGROUP_INTERVAL: must be a duration such as 250ms, 3s or 2m; got "3"'],
  ])('%s=%s is refused', async (variable, value, line) => {
    expect(await problems({ env: { [variable]: value } })).toEqual([line]);
  });
});

describe('the config file', () => {
  it.each([
    [CONFIG, '{"size": 7, "interval": "7s"}'],
    ['package.json', '{"name": "x", "consumer-group": {"size": 7, "interval": "7s"}}'],
    ['.consumer-grouprc', 'size: 7\ninterval: 7s\n'],
    ['.consumer-grouprc.json', '{"size": 7, "interval": "7s"}'],
    ['.consumer-grouprc.yaml', 'size: 7\ninterval: 7s\n'],
    ['.consumer-grouprc.yml', 'size: 7\ninterval: 7s\n'],
    ['.consumer-grouprc.js', 'module.exports = { size: 7, interval: "7s", batch: undefined };'],
    ['.consumer-grouprc.cjs', 'module.exports = { size: 7, interval: "7s" };'],
    ['.consumer-grouprc.mjs', 'export default { size: 3 + 4, interval: "7s" };'],
    ['.consumer-grouprc.ts', 'const size: number = 7; export default { size, interval: "7s" };'],
    ['.config/consumer-grouprc.json', '{"size": 7, "interval": "7s"}'],
    ['consumer-group.config.js', 'module.exports = { size: 7, interval: "7s" };'],
    ['consumer-group.config.cjs', 'module.exports = { size: 7, interval: "7s" };'],
    ['consumer-group.config.mjs', 'export default { size: 7, interval: "7s" };'],
    ['consumer-group.config.ts', 'export default { size: 7, interval: "7s" };'],
    ['consumer-group.config.yaml', '# ours\nsize: 7\ninterval: 7s\n'],
    ['consumer-group.config.yml', '{size: 7, interval: 7s}'],
  ])('may be %s', async (name, text) => {
    const cwd = folder({ [name]: text });
    const { settings, origin } = await load({ cwd });
    expect(settings).toEqual(parseSettings({ size: 7, interval: '7s' }));
    expect(origin.size).toBe(name);
    expect(origin.batch).toBe('default');
    // The same if --config names it.
    const named = await load({ configPath: join(cwd, name) });
    expect(named.settings).toEqual(settings);
  });

  it('is consumer-group.config.json before all others', async () => {
    const files = { [CONFIG]: '{"size": 7}', 'package.json': '{"consumer-group": {"size": 8, "batch": 2}}' };
    const { settings } = await load({ cwd: folder(files) });
    expect(settings).toMatchObject({ size: 7, batch: 'auto' });
  });

  it('is searched for up to the package.json, and not above', async () => {
    const found = folder({ [CONFIG]: '{"size": 7}', 'package.json': '{}', 'a/b/c.txt': '' });
    const { settings, origin } = await load({ cwd: join(found, 'a/b') });
    expect(settings.size).toBe(7);
    expect(origin.size).toBe(join(found, CONFIG));

    const above = folder({ [CONFIG]: '{"size": 7}', 'a/package.json': '{}', 'a/b/c.txt': '' });
    expect((await load({ cwd: join(above, 'a/b') })).settings.size).toBe(3);
    // Without a project, a file in a folder above is not read.
    const alone = folder({ [CONFIG]: '{"size": 7}', 'a/b/c.txt': '' });
    expect((await load({ cwd: join(alone, 'a') })).settings.size).toBe(3);
  });

  it.each([
    ['{"$schema": "./config/schema.json", "size": 7}', 7],
    ['{}', 3],
    ['{\n\t"size": 7\n}', 7],
    ['\uFEFF{"size": 7}', 7],
  ])('may hold %j', async (text, size) => {
    expect((await load({ cwd: folder({ [CONFIG]: text }) })).settings.size).toBe(size);
  });

  it.each(['', '# nothing yet\n', '---\n'])('in YAML may be empty: %j', async (text) => {
    expect((await load({ cwd: folder({ '.consumer-grouprc': text }) })).settings.size).toBe(3);
  });

  it('may be named, relative to the working directory', async () => {
    const cwd = folder({ 'conf/production.yaml': 'size: 7', [CONFIG]: '{"size": 8}' });
    const { settings, origin } = await load({ cwd, configPath: 'conf/production.yaml' });
    expect(settings.size).toBe(7);
    expect(origin.size).toBe('conf/production.yaml');
  });

  it('must exist if it is named', async () => {
    const cwd = folder({ 'a/b.json': '{}', 'c.toml': '', 'package.json': '{"name": "x"}' });
    expect(await problems({ cwd, configPath: 'no.json' })).toEqual(['--config: there is no file no.json']);
    expect(await problems({ cwd, configPath: 'a' })).toEqual(['--config: a is a folder, not a file']);
    expect(await problems({ cwd, configPath: 'package.json' })).toEqual([
      '--config: package.json has no key "consumer-group"',
    ]);
    expect(await problems({ cwd, configPath: 'c.toml' })).toEqual([
      '--config: c.toml must end in one of .json, .yaml, .yml, .js, .mjs, .cjs, .ts',
    ]);
  });
});

describe('a mistake in a config file', () => {
  it('is reported with line and column, all at once', async () => {
    const text = [
      '{',
      '  "$schema": "./config/schema.json",',
      '  "size": "many",',
      '  "redis": "http://:secret@h",',
      '"sise": 4,',
      '  "monitor":',
      '    "yes",',
      '  "interval": ["3s"]',
      '}',
    ].join('\n');
    expect(await problems({ cwd: folder({ [CONFIG]: text }) })).toEqual([
      `${CONFIG}:3:11: size ${WHOLE}; got "many"`,
      expect.stringMatching(/^consumer-group.config.json:4:12: redis must be a URL such as [^;]*$/),
      `${CONFIG}:5:1: there is no setting "sise"; did you mean "size"?`,
      `${CONFIG}:7:5: monitor must be true or false; got "yes"`,
      `${CONFIG}:8:15: interval must be a duration such as 250ms, 3s or 2m; got a list`,
    ]);
  });

  it.each([
    ['.consumer-grouprc', '# a\nsize: many\n\nclaim-after: 3s\n', ['2:7', '4:1']],
    ['consumer-group.config.yaml', 'size:\nclaim-after: 3s\n', ['1:6', '2:1']],
    ['x/package.json', '{\n "consumer-group": {\n  "size": 1.5,\n  "claim-after": 1 }}', ['3:11', '4:3']],
    ['.consumer-grouprc.json', '{\r\n"size": -1,\r\n"claim-after": 1}', ['2:9', '3:1']],
  ])('in %s', async (name, text, [value, key]) => {
    const [first, second] = await problems({ cwd: folder({ [name]: text }), configPath: name });
    expect(first).toContain(`${name}:${value}: size ${WHOLE}; got `);
    expect(second).toBe(`${name}:${key}: there is no setting "claim-after"; did you mean "claimAfter"?`);
  });

  it('is reported with the path alone if the file is code', async () => {
    const name = 'consumer-group.config.mjs';
    const cwd = folder({ [name]: 'export default { size: () => 3, redisURL: "x", batch: 1n };' });
    expect(await problems({ cwd })).toEqual([
      `${name}: size ${WHOLE}; got a function`,
      `${name}: there is no setting "redisURL"; did you mean "redis"?`,
      `${name}: batch must be auto or a whole number, from 1 to 5000; got 1`,
    ]);
  });

  it.each([
    [CONFIG, '', '1:1: the file is empty'],
    [CONFIG, '{"size": 3', "1:11: Quoted object key or end of object '}' expected but"],
    [CONFIG, '{\n  "size": 3,\n}', "3:1: Quoted object key expected but got '}'"],
    [CONFIG, '{\n  "size" 3\n}', "2:10: Colon ':' expected after property name but got '3'"],
    [CONFIG, '{\n  size: 3\n}', "2:3: Quoted object key expected but got 's'"],
    [CONFIG, '{\n  "redis": redis://:secret@h\n}', "2:12: Object value expected after ':'"],
    [CONFIG, '{"size": 3,\n "size": 3}', '2:2: this name stands here a second time'],
    [CONFIG, '{"size": 3,\n "size": 4}', '2:2: this name stands here a second time'],
    [CONFIG, '{"channel": "a\nb"}', "1:15: Invalid character ' '"],
    ['.consumer-grouprc', 'size: 3\n  batch: 4', '1:7: Nested mappings are not allowed in compact mappings'],
    ['.consumer-grouprc.yaml', 'a: [1\n', '2:1: Flow sequence in block collection must be'],
    ['.consumer-grouprc.yml', '"a": 1\n"redis://:secret@h', '2:19: Missing closing "quote'],
    ['.consumer-grouprc.yml', '{} "redis://:secret@h"', '1:4: Unexpected '],
    ['package.json', '{\n"name": "x"\n"consumer-group": {"size": 3}}', "3:1: Comma ',' expected after value"],
  ])('%s: %j', async (name, text, start) => {
    const [line, ...more] = await problems({ cwd: folder({ [name]: text }) });
    expect(line).toContain(`${name}:${start}`);
    expect(line).not.toContain('secret');
    expect(more).toEqual([]);
  });

  it.each([
    [CONFIG, '[3]'],
    [CONFIG, 'null'],
    ['.consumer-grouprc', 'size'],
    ['package.json', '{"consumer-group": "size"}'],
    ['consumer-group.config.mjs', 'export const size = 3;'],
    ['consumer-group.config.mjs', 'export default () => ({});'],
  ])('%s: %j is no object', async (name, text) => {
    const [line] = await problems({ cwd: folder({ [name]: text }) });
    expect(line).toBe(`${name}: must hold an object of settings`);
  });

  it.each([
    ['consumer-group.config.mjs', 'throw new Error("first\\nsecond");', 'cannot be loaded: first'],
    ['consumer-group.config.mjs', 'export default {', 'cannot be loaded: '],
    [
      'consumer-group.config.mjs',
      'import "no-such-package";',
      "cannot be loaded: Cannot find package 'no-such-",
    ],
    ['consumer-group.config.ts', 'const a = ;', 'cannot be loaded: '],
    // A file that the config file cannot read must not be reported as a missing config file.
    ['consumer-group.config.cjs', 'require("fs").readFileSync("/no/such");', 'cannot be loaded: ENOENT'],
  ])('%s: %j', async (name, text, reason) => {
    const [line, ...more] = await problems({ cwd: folder({ [name]: text }) });
    expect(line).toContain(`${name}: ${reason}`);
    expect(more).toEqual([]);
  });

  it('does not import other files', async () => {
    const cwd = folder({ [CONFIG]: '{"$import": "./other.json"}' });
    expect((await problems({ cwd }))[0]).toContain(`${CONFIG}:1:2: there is no setting "$import"`);
  });

  it('is reported even if a flag overrides it', async () => {
    const cwd = folder({ [CONFIG]: '{"size": "many"}' });
    expect(await problems({ cwd, flags: { size: '3' } })).toEqual([
      `${CONFIG}:1:10: size ${WHOLE}; got "many"`,
    ]);
  });

  it('does not hide mistakes in other sources', async () => {
    const cwd = folder({ [CONFIG]: '{"size": 3,}' });
    const flags = { size: 'x', claimAfter: '1s' };
    expect(await problems({ cwd, flags, env: { CGROUP_SISE: '1' } })).toEqual([
      expect.stringContaining(`${CONFIG}:1:12: `),
      `--size: ${WHOLE}; got "x"`,
      'CGROUP_SISE: there is no setting of this name; did you mean CGROUP_SIZE?',
    ]);
  });
});

describe('a rule between settings', () => {
  it.each([
    ['1s', {}, { claimAfter: '1s' }, '--claim-after: must be at least twice heartbeat, 2s; got 1s'],
    ['1s', {}, { heartbeat: '2s' }, '--heartbeat: claimAfter must be at least twice heartbeat, 4s; got 3s'],
    [
      '2500ms',
      { CGROUP_CLAIM_AFTER: '4s' },
      {},
      'CGROUP_CLAIM_AFTER: must be at least twice heartbeat, 5s; got 4s',
    ],
  ])('heartbeat %s in the file, %j %j', async (heartbeat, env, flags, line) => {
    const cwd = folder({ [CONFIG]: JSON.stringify({ heartbeat }) });
    expect(await problems({ cwd, env, flags })).toEqual([line]);
  });

  it('is reported with line and column, with the other problems', async () => {
    const cwd = folder({ [CONFIG]: '{"size": 0,\n"heartbeat": "2s"}' });
    expect(await problems({ cwd })).toEqual([
      `${CONFIG}:1:10: size ${WHOLE}; got 0`,
      `${CONFIG}:2:14: claimAfter must be at least twice heartbeat, 4s; got 3s`,
    ]);
  });
});

describe('the path of the processor', () => {
  it('starts at the folder of the config file', async () => {
    const cwd = folder({ 'conf/c.json': '{"processor": "./p.js"}', 'package.json': '{}' });
    const { settings, written } = await load({ cwd, configPath: 'conf/c.json' });
    expect(settings.processor).toBe(join(cwd, 'conf/p.js'));
    expect(written.processor).toBe(settings.processor);
  });

  it('starts at the working directory in a flag or variable', async () => {
    const cwd = folder();
    expect((await load({ cwd, flags: { processor: './p.js' } })).settings.processor).toBe(join(cwd, 'p.js'));
    const env = { CGROUP_PROCESSOR: '../q.mjs' };
    expect((await load({ cwd, env })).settings.processor).toBe(join(cwd, '../q.mjs'));
  });

  it('may be absolute', async () => {
    expect((await load({ flags: { processor: '/a/p.js' } })).settings.processor).toBe('/a/p.js');
  });
});

describe('any input', () => {
  it('gives settings or a SettingsError of whole lines, never with the password', async () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.constantFrom('0', '-1', '3s', 'true', '{', 'auto'));
    const values = fc.dictionary(fc.constantFrom(...settingNames.filter((name) => name !== 'redis')), text);
    const redis = fc.string().map((odd) => `redis://:SECRET${odd}`);
    const files = fc.oneof(
      fc.string(),
      fc.json(),
      fc.dictionary(fc.string(), fc.jsonValue()).map((o) => JSON.stringify(o)),
    );
    const cwd = folder();
    await fc.assert(
      fc.asyncProperty(values, redis, files, async (flags, url, content) => {
        writeFileSync(join(cwd, CONFIG), content);
        try {
          await load({ cwd, flags: { ...flags, redis: url } });
        } catch (error) {
          expect(error).toBeInstanceOf(SettingsError);
          const lines = messageOf(error).split('\n');
          expect(lines).toHaveLength((error as SettingsError).problems.length);
          for (const line of lines) expect(line).toMatch(/^\S+: \S/);
          expect(lines.join()).not.toContain('SECRET');
        }
      }),
    );
  });
});
