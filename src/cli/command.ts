import { Command } from 'commander';
import { CgroupError } from '../core/errors.js';
import { groupLogger, type Logger } from '../log/logger.js';
import type { GroupClient } from '../observe/client.js';
import type { SettingName, Settings } from '../settings/settings.js';
import { takeFlags } from './hints.js';
import { addSettingsFlags, GROUP_NAMES, rawFlags, unreadBy } from './settings/flags.js';
import type { LoadedSettings } from './settings/load-settings.js';

// The commands import this file to describe themselves. What only their work needs is imported when they work: a help needs
// neither Redis nor the schema of the settings.

/** The settings with which a command finds a running group. */
export const GROUP_SETTINGS: readonly SettingName[] = [...GROUP_NAMES, 'logLevel', 'logFormat'];

type Example = readonly [command: string, meaning: string];

/** A command with the flags of some settings and with examples below its help. */
export function settingsCommand(
  name: string,
  description: string,
  settings: readonly SettingName[],
  examples: readonly Example[],
): Command {
  const command = addSettingsFlags(new Command(name).description(description), settings);
  command.option('--config <file>', 'use this config file; do not search for one');
  return command.addHelpText('after', examplesText(examples));
}

/** The examples below the help of a command. */
export function examplesText(examples: readonly Example[]): string {
  const width = Math.max(...examples.map(([command]) => command.length)) + 2;
  const lines = examples.map(([command, meaning]) => `  $ ${command.padEnd(width)}${meaning}`);
  return `\nExamples:\n${lines.join('\n')}`;
}

/** The effective settings of a parsed command. Those that only a process at work uses are read if the command has their flag. */
export async function settingsOf(command: Command): Promise<LoadedSettings> {
  const { loadSettings } = await import('./settings/load-settings.js');
  takeFlags(command);
  const configPath = command.opts<{ config?: string }>().config;
  return loadSettings({
    flags: rawFlags(command),
    env: process.env,
    cwd: workingDirectory(),
    configPath,
    unread: unreadBy(command),
  });
}

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    const text = 'there is no working directory: it was removed, or may not be read; change to another one';
    throw new CgroupError('SETTINGS', text, { cause });
  }
}

/** A connection to the group of a command. */
export interface GroupSession {
  readonly client: GroupClient;
  readonly settings: Settings;
  readonly log: Logger;
}

/**
 * Connects to the group that the command's settings name, does the work and disconnects.
 *
 * @param warns whether to warn if the group has another channel or Redis group than the settings say
 */
export async function withGroup<T>(
  command: Command,
  work: (session: GroupSession) => Promise<T>,
  { warns = true } = {},
): Promise<T> {
  const [{ settings, written }, { GroupClient }, { makeLogger }] = await Promise.all([
    settingsOf(command),
    import('../observe/client.js'),
    import('./logger.js'),
  ]);
  const root = makeLogger(settings);
  const log = groupLogger(root, settings);
  const client = await GroupClient.connect({ ...written, logger: root }, { oneShot: true });
  try {
    if (warns) await warnOfNames(client, log);
    return await work({ client, settings, log });
  } finally {
    client.close();
  }
}

async function warnOfNames(client: GroupClient, log: Logger): Promise<void> {
  const wrong = await client.misnamed();
  if (wrong) log.warn({}, `${wrong.what}: ${wrong.fix}`);
}

/** Writes a result and a line break to stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
