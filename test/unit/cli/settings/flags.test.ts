import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  addSettingsFlags,
  GROUP_NAMES,
  namingFlags,
  rawFlags,
  unreadBy,
} from '../../../../src/cli/settings/flags.js';
import { loadSettings } from '../../../../src/cli/settings/load-settings.js';
import { messageOf } from '../../../../src/core/errors.js';
import { settingNames } from '../../../../src/settings/schema.js';
import type { SettingName } from '../../../../src/settings/settings.js';

function command(names: readonly SettingName[] = settingNames): Command {
  return addSettingsFlags(new Command('start'), names)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
}

/** The raw flags of a command line. */
function typed(...args: string[]) {
  return rawFlags(command().parse(args, { from: 'user' }));
}

/** Settings from flags alone, in a folder without a config file; or the lines of the error. */
async function settings(...args: string[]) {
  try {
    return (await loadSettings({ flags: typed(...args), env: {}, cwd: '/' })).settings;
  } catch (error) {
    return messageOf(error).split('\n');
  }
}

describe('the flags', () => {
  it('are kept as typed', () => {
    expect(typed()).toEqual({});
    expect(typed('--size', '5', '--claim-after', '3s', '--monitor')).toEqual({
      size: '5',
      claimAfter: '3s',
      monitor: true,
    });
    expect(typed('-n', 'x', '-r', 'y', '-p', 'z', '-m')).toEqual({
      size: 'x',
      redis: 'y',
      processor: 'z',
      monitor: true,
    });
    expect(typed('-n5', '--interval=1s')).toEqual({ size: '5', interval: '1s' });
  });

  it('a command does not read what only a process at work uses, unless it has the flag', () => {
    expect(unreadBy(command())).toEqual([]);
    const unread = unreadBy(command(['redis', 'interval', 'httpToken']));
    expect(unread).toEqual(expect.arrayContaining(['size', 'processor', 'http', 'httpActions']));
    for (const name of [
      ...GROUP_NAMES,
      'interval',
      'httpToken',
      'claimAfter',
      'record',
      'outputType',
      'order',
    ])
      expect(unread).not.toContain(name);
  });

  it('that name a group can be picked', () => {
    const parsed = command().option('--config <file>');
    parsed.parse(['-r', 'redis://h', '--size', '5', '--consumer-list', 'ids', '--config', 'c.json'], {
      from: 'user',
    });
    expect([...namingFlags(parsed)]).toEqual([
      ['--redis', 'redis://h'],
      ['--consumer-list', 'ids'],
      ['--config', 'c.json'],
    ]);
  });

  it('can turn a boolean off; the last one counts', () => {
    expect(typed('--no-monitor', '--no-embedded')).toEqual({ monitor: false, embedded: false });
    expect(typed('--no-monitor', '--monitor', '--size', '1', '--size', '2')).toEqual({
      monitor: true,
      size: '2',
    });
  });

  it('exist for every setting, in kebab case', () => {
    const long = new Set(command().options.map((option) => option.long));
    for (const name of settingNames)
      expect(long).toContain(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
    expect(long).toContain('--output-max-len');
    expect(long).toContain('--no-monitor');
  });

  it('are only those of the command', () => {
    const one = command(['redis', 'logLevel']);
    expect(one.options.map((option) => option.long)).toEqual(['--redis', '--log-level']);
    expect(() => one.parse(['--size', '3'], { from: 'user' })).toThrow(/unknown option '--size'/);
  });

  it('leave the command’s own options alone, even one with the name of a setting', () => {
    const publish = command(['redis']).option('--batch <n>').option('--json').option('--config <file>');
    publish.parse(['--batch', '7', '--json', '--config', 'x.json', '-r', 'u'], { from: 'user' });
    expect(rawFlags(publish)).toEqual({ redis: 'u' });
    expect(publish.opts()).toMatchObject({ batch: '7', json: true, config: 'x.json' });
  });
});

describe('the values of flags', () => {
  const whole = 'must be a whole number, from 1 to 10000';
  it.each([
    ['many', '"many"'],
    ['1.5', '1.5'],
    ['-1', '-1'],
    ['0', '0'],
    ['', '""'],
    [' 3', '" 3"'],
    ['0x10', '"0x10"'],
    ['1e3', '"1e3"'],
    ['3;', '"3;"'],
    ['10001', '10001'],
    ['Infinity', '"Infinity"'],
    ['99999999999999999999', '100000000000000000000'],
  ])('refuses --size %j in the words of the schema', async (size, got) => {
    expect(await settings('--size', size)).toEqual([`--size: ${whole}; got ${got}`]);
    expect(await settings('-n', size)).toEqual([`--size: ${whole}; got ${got}`]);
  });

  it('are converted to the type of the setting', async () => {
    expect(
      await settings('-n', '5', '--batch', '10', '--interval', '1m', '--channel', '7', '--monitor'),
    ).toMatchObject({ size: 5, batch: 10, interval: 60_000, channel: '7', monitor: true });
    expect(await settings('--batch', 'auto')).toMatchObject({ batch: 'auto' });
    expect(await settings('--bridge', 'only', '--log-format', 'json')).toMatchObject({
      bridge: 'only',
      logFormat: 'json',
    });
  });

  it('are all reported if they are wrong', async () => {
    expect(await settings('--interval', '3', '--bridge', 'on', '--batch', '-4')).toEqual([
      '--interval: must be a duration such as 250ms, 3s or 2m; got "3"',
      '--batch: must be auto or a whole number, from 1 to 5000; got -4',
      '--bridge: must be one of auto, off, only; got "on"',
    ]);
  });
});

describe('the help', () => {
  const help = command().configureHelp({ helpWidth: 1000 }).helpInformation();
  it.each([
    '-n, --size <n>',
    '-r, --redis <url>',
    '-p, --processor <what>',
    '-m, --monitor ',
    '--no-monitor',
    '--channel <name>',
    '--claim-after <duration>',
    '--simulate-ms <ms>',
    '--batch <auto|n>',
    '--bridge <auto|off|only>',
    '--log-level <level>',
    '--log-format <pretty|json>',
    'how many consumers this process runs (default: 3, env: CGROUP_SIZE)',
    '(default: redis://127.0.0.1:6379, env: CGROUP_REDIS or REDIS_URL)',
    '(default: built in, env: CGROUP_PROCESSOR)',
    'shown: trace, debug, info, warn, error, fatal, silent (default: info, env: CGROUP_LOG_LEVEL)',
  ])('says %s', (text) => {
    expect(help).toContain(text);
  });
});
