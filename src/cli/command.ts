import { Command } from 'commander';
import { groupLogger, type Logger } from '../log/logger.js';
import { GroupClient } from '../observe/client.js';
import type { SettingName, Settings } from '../settings/settings.js';
import { makeLogger } from './logger.js';
import { addSettingsFlags, configOption, rawFlags } from './settings/flags.js';
import { type LoadedSettings, loadSettings } from './settings/load-settings.js';

/** The settings by which a command finds a group that runs elsewhere. */
export const GROUP_SETTINGS = [
  'redis',
  'channel',
  'output',
  'consumerList',
  'group',
  'logLevel',
  'logFormat',
] as const satisfies readonly SettingName[];

type Example = readonly [command: string, meaning: string];

/** A command with the flags of some settings, and examples below its help. */
export function settingsCommand(
  name: string,
  description: string,
  settings: readonly SettingName[],
  examples: readonly Example[],
): Command {
  const command = addSettingsFlags(new Command(name).description(description), settings);
  return command.addOption(configOption()).addHelpText('after', examplesText(examples));
}

/** What stands below the help of a command. */
export function examplesText(examples: readonly Example[]): string {
  const width = Math.max(...examples.map(([command]) => command.length)) + 2;
  const lines = examples.map(([command, meaning]) => `  $ ${command.padEnd(width)}${meaning}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/** The effective settings of a command that was parsed. */
export function settingsOf(command: Command): Promise<LoadedSettings> {
  const configPath = command.opts<{ config?: string }>().config;
  return loadSettings({ flags: rawFlags(command), env: process.env, cwd: process.cwd(), configPath });
}

/** What a command needs to look at a group. */
export interface Session {
  readonly client: GroupClient;
  readonly settings: Settings;
  readonly log: Logger;
}

/**
 * Connects to the group that the command's settings name, does the work, and disconnects.
 *
 * @param warns whether to warn of names that are not those of the group
 */
export async function withGroup<T>(
  command: Command,
  work: (session: Session) => Promise<T>,
  { warns = true } = {},
): Promise<T> {
  const { settings, written } = await settingsOf(command);
  const root = makeLogger(settings);
  const log = groupLogger(root, settings);
  const client = await GroupClient.connect({ ...written, logger: root });
  try {
    if (warns) await warnOfNames(client, log);
    return await work({ client, settings, log });
  } finally {
    client.close();
  }
}

/** Says so where the output belongs to another channel or Redis group than was asked for. */
async function warnOfNames(client: GroupClient, log: Logger): Promise<void> {
  const wrong = await client.misnamed();
  if (wrong) log.warn({}, `${wrong.what}: ${wrong.fix}`);
}

/** Writes results to stdout, a line break after each. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
