import { type Command, Option } from 'commander';
import type { SettingName } from '../../settings/settings.js';
import { type SettingInfo, settingInfos } from './setting-info.js';

/** The settings given as flags, as they were typed: neither checked nor converted. */
export type RawFlags = Partial<Record<SettingName, string | boolean>>;

/** The settings with which Redis is reached. */
export const REDIS_ACCESS: readonly SettingName[] = [
  'redis',
  'redisCa',
  'redisCert',
  'redisKey',
  'redisServerName',
];

/** The settings that name a group. */
export const GROUP_NAMES: readonly SettingName[] = [
  ...REDIS_ACCESS,
  'channel',
  'sharded',
  'list',
  'listFrom',
  'stream',
  'output',
  'consumerList',
  'group',
];

/**
 * The settings that only a process at work uses. Other commands do not read them, unless they have the flag: a wrong one
 * stops no command that has no use for it.
 */
const WORKING_SETTINGS: readonly SettingName[] = [
  ...(['size', 'managed', 'capacity', 'host', 'embedded', 'monitor', 'interval'] as const),
  ...(['processor', 'threads', 'simulateMs', 'concurrency', 'batch'] as const),
  ...(['maxAttempts', 'backoff', 'timeout', 'shutdownTimeout'] as const),
  ...(['bridge', 'bridges', 'retain', 'bufferLimit'] as const),
  ...(['http', 'httpToken', 'httpActions'] as const),
];

/** An option that sets a setting; a command may have others, even with the name of a setting. */
class SettingOption extends Option {
  constructor(
    readonly setting: SettingName,
    flags: string,
    description: string,
  ) {
    super(flags, description);
  }
}

/**
 * Adds the flags of some settings to a command, with their help from the schema. They bring no defaults and no
 * checks: {@link rawFlags} returns what was typed, and `loadSettings` makes settings of it.
 */
export function addSettingsFlags<C extends Command>(command: C, names: readonly SettingName[]): C {
  for (const name of names) for (const option of optionsOf(settingInfos[name])) command.addOption(option);
  return command;
}

/**
 * Adds the flag of a setting, which means something else without a value.
 *
 * @param bare what it means then
 * @param onBare called then
 */
export function addFlagWithTwoMeanings(
  command: Command,
  name: SettingName,
  bare: string,
  onBare: () => void,
): Command {
  const info = settingInfos[name];
  const text = `without a ${info.placeholder}: ${bare}; with one: ${help(info)}`;
  const option = new SettingOption(name, `${info.flag} [${info.placeholder}]`, text);
  let named: string | undefined;
  return command.addOption(option).on(`option:${option.name()}`, (value: string | null) => {
    if (value !== null) named = value;
    else {
      onBare();
      command.setOptionValueWithSource(name, named, 'cli');
    }
  });
}

/** The settings that a command does not read, from no source. */
export function unreadBy(command: Command): readonly SettingName[] {
  const own = settingOptions(command).map(({ setting }) => setting);
  return WORKING_SETTINGS.filter((name) => !own.includes(name));
}

function settingOptions(command: Command): SettingOption[] {
  return command.options.filter((option) => option instanceof SettingOption);
}

/** The settings that were given as flags to a parsed command. */
export function rawFlags(command: Command): RawFlags {
  const raw: RawFlags = {};
  for (const option of settingOptions(command)) {
    if (command.getOptionValueSource(option.setting) !== 'cli') continue;
    const value = command.getOptionValue(option.setting) as string | boolean | undefined;
    if (value !== undefined) raw[option.setting] = value;
  }
  return raw;
}

/** By flag: the values with which another command finds the same group and the same config file. */
export function namingFlags(command: Command): ReadonlyMap<string, string> {
  const raw = rawFlags(command);
  const { config } = command.opts<{ config?: string }>();
  const given = GROUP_NAMES.map((name) => [settingInfos[name].flag, raw[name]] as const);
  return new Map(
    [...given, ['--config', config] as const].flatMap(([flag, value]) =>
      // The text of a key or a certificate is none to show.
      typeof value === 'string' && !value.includes('\n') ? [[flag, value] as const] : [],
    ),
  );
}

function optionsOf(info: SettingInfo): Option[] {
  const { name, flag, short, negative } = info;
  const names = short ? `${short}, ${flag}` : flag;
  if (!negative) return [new SettingOption(name, `${names} <${info.placeholder}>`, help(info))];
  const overrides = 'turns it off; beats the environment and the config file';
  return [new SettingOption(name, names, help(info)), new SettingOption(name, negative, overrides)];
}

function help(info: SettingInfo): string {
  // The text lists the choices only if the placeholder does not.
  const shown = info.choices.length === 0 || info.placeholder === info.choices.join('|');
  const choices = shown ? '' : `: ${info.choices.join(', ')}`;
  return `${info.description}${choices} (default: ${info.default}, env: ${info.variables.join(' or ')})`;
}
