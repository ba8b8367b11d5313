import { type Command, Option } from 'commander';
import type { SettingName } from '../../settings/settings.js';
import { type SettingInfo, settingInfos } from './setting-info.js';

/** The settings given as flags, as they were typed: nothing is checked or converted yet. */
export type RawFlags = Partial<Record<SettingName, string | boolean>>;

/** What says which group is meant. */
const NAMES = [
  'redis',
  'channel',
  'output',
  'consumerList',
  'group',
] as const satisfies readonly SettingName[];

/** An option that stands for a setting; a command may have others, even of the same name as a setting. */
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
 * Adds the flags of some settings to a command, with what the schema says of them in the help.
 * The command gets no defaults and no checks from them: {@link rawFlags} gives what was typed, and
 * `loadSettings` makes settings of it.
 */
export function addSettingsFlags<C extends Command>(command: C, names: readonly SettingName[]): C {
  for (const name of names) for (const option of optionsOf(settingInfos[name])) command.addOption(option);
  return command;
}

/** The flags of settings that were given on the command line to `command`, once it has been parsed. */
export function rawFlags(command: Command): RawFlags {
  const raw: RawFlags = {};
  for (const option of command.options)
    if (option instanceof SettingOption && command.getOptionValueSource(option.setting) === 'cli')
      raw[option.setting] = command.getOptionValue(option.setting) as string | boolean;
  return raw;
}

/** Those of them by which another command finds the same group, and the same config file, by flag. */
export function namingFlags(command: Command): ReadonlyMap<string, string> {
  const raw = rawFlags(command);
  const { config } = command.opts<{ config?: string }>();
  const given = NAMES.map((name) => [settingInfos[name].flag, raw[name]] as const);
  return new Map(
    [...given, ['--config', config] as const].flatMap(([flag, value]) =>
      typeof value === 'string' ? [[flag, value] as const] : [],
    ),
  );
}

/** The flag that names the config file. Its value is `loadSettings`' `configPath`. */
export function configOption(): Option {
  return new Option('--config <file>', 'the config file, in place of the one that would be searched for');
}

function optionsOf(info: SettingInfo): Option[] {
  const { name, flag, short, negative } = info;
  const names = short ? `${short}, ${flag}` : flag;
  if (!negative) return [new SettingOption(name, `${names} <${info.placeholder}>`, help(info))];
  const overrides = 'turns it off, whatever the environment or the config file says';
  return [new SettingOption(name, names, help(info)), new SettingOption(name, negative, overrides)];
}

function help(info: SettingInfo): string {
  // Where the placeholder lists the choices, the text need not.
  const shown = info.choices.length === 0 || info.placeholder === info.choices.join('|');
  const choices = shown ? '' : `: ${info.choices.join(', ')}`;
  return `${info.description}${choices} (default: ${info.default}, env: ${info.variables.join(' or ')})`;
}
