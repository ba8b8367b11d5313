import { resolve } from 'node:path';
import { type SettingProblem, SettingsError } from '../../core/errors.js';
import { kindOfProcessor } from '../../core/processor-kind.js';
import { IN_REDIS } from '../../core/record.js';
import { parseSettings } from '../../settings/parse.js';
import { brokenRules } from '../../settings/rules.js';
import { problemOf, settingNames, withOrderDefaults } from '../../settings/schema.js';
import type { SettingName, Settings, SettingsInput } from '../../settings/settings.js';
import { type ConfigFile, readKnownFile } from './config-file.js';
import { FIRST_PLACE, mayHoldConfig } from './config-places.js';
import type { RawFlags } from './flags.js';
import { settingInfos } from './setting-info.js';
import { fromEnvironment, fromFile, fromFlags, type Given, type GivenSetting } from './sources.js';

/** Where messages come from: one of them. */
const SOURCES: readonly string[] = ['channel', 'list', 'stream'] satisfies SettingName[];

export interface LoadSettingsOptions {
  /** The flags as typed, from `rawFlags`. */
  readonly flags: RawFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the folder where the search for the config file begins. */
  readonly cwd: string;
  /** The file that `--config` names; without it, one is searched for. */
  readonly configPath?: string | undefined;
  /** Settings that the command has no use for: they are not looked at. */
  readonly unread?: readonly SettingName[];
}

export interface LoadedSettings {
  /** The effective settings; the path of a processor's module is absolute. */
  readonly settings: Settings;
  /** The source of each: `--size`, `CGROUP_SIZE`, `REDIS_URL`, the path of the config file, or `default`. */
  readonly origin: Readonly<Record<SettingName, string>>;
  /** The effective values as they were written, durations as text: the library takes these. */
  readonly written: SettingsInput;
}

/**
 * The settings from all their sources: flags beat the environment, which beats the config file, which
 * beats the defaults. Every value is checked, also if a stronger source overrides it.
 *
 * @throws {SettingsError} with a line for each problem of all sources, beginning with its place:
 *   `consumer-group.config.json:3:11: size must be …`, `--size: must be …`, `CGROUP_SIZE: must be …`.
 */
export async function loadSettings(options: LoadSettingsOptions): Promise<LoadedSettings> {
  const file = await configFileOf(options);
  try {
    return effective(options, file);
  } catch (error) {
    if (!file?.withPlaces) throw error;
    return effective(options, await file.withPlaces());
  }
}

async function configFileOf({ cwd, configPath }: LoadSettingsOptions): Promise<ConfigFile | undefined> {
  if (configPath === undefined && !mayHoldConfig(cwd)) return undefined;
  const known = await readKnownFile(cwd, resolve(cwd, configPath ?? FIRST_PLACE));
  if (known) return known;
  const { searchConfigFile } = await import('./config-search.js');
  return searchConfigFile(cwd, configPath);
}

function effective(options: LoadSettingsOptions, file: ConfigFile | undefined): LoadedSettings {
  const { flags, env, cwd, unread = [] } = options;
  const all = [...fromFlags(flags), ...fromEnvironment(env), ...(file ? fromFile(file) : [])];
  const given = all.filter((one) => !one.known || !unread.includes(one.name));

  const strongestOf = new Map<string, GivenSetting>();
  const strongest = given.find((one) => one.known && SOURCES.includes(one.name));
  for (const one of given) {
    if (!one.known || strongestOf.has(one.name)) continue;
    // A flag that names a list beats the channel of a file.
    const isBeaten = SOURCES.includes(one.name) && one.source !== strongest?.source;
    if (!isBeaten) strongestOf.set(one.name, one);
  }

  const problems: SettingProblem[] = [];
  if (file?.broken !== undefined) problems.push({ setting: '', message: file.broken });
  for (const one of given) {
    // REDIS_URL may be meant for another program.
    if (one.origin === 'REDIS_URL' && strongestOf.get('redis') !== one) continue;
    const problem = one.known ? problemOf(one.name, one.value) : one.problem;
    if (problem) problems.push(placed(problem, one));
  }
  const input: Partial<Record<SettingName, unknown>> = {};
  for (const one of strongestOf.values())
    input[one.name] = absolute(one, file && one.source === 'file' ? file.folder : cwd);
  // The values of a broken file are unknown, so the rules between settings cannot be checked.
  const broken = file?.broken === undefined ? brokenRules(input) : [];
  for (const problem of broken) problems.push(placed(problem, strongestOf.get(problem.setting)));
  if (problems.length > 0) throw new SettingsError(problems);

  const filled = withOrderDefaults(input) as typeof input;
  return {
    settings: parseSettings(input),
    origin: everySetting((name) => strongestOf.get(name)?.origin ?? 'default'),
    written: everySetting((name) => filled[name] ?? defaultOf(name, filled)) as SettingsInput,
  };
}

/** The default of a setting; none if another setting takes its place, or has no use for it. */
function defaultOf(
  name: SettingName,
  { list, stream, record }: Partial<Record<SettingName, unknown>>,
): unknown {
  const isReplaced = name === 'channel' && (list !== undefined || stream !== undefined);
  const isUseless = name === 'recordTable' && record === IN_REDIS;
  return isReplaced || isUseless ? undefined : settingInfos[name].defaultValue;
}

/** The path of a file starts at the folder of the config file that names it, or else at the working directory. */
function absolute({ name, value }: GivenSetting, folder: string): unknown {
  if (typeof value !== 'string') return value;
  const isPath = name === 'recordSql' || (name === 'processor' && kindOfProcessor(value) === 'module');
  return isPath ? resolve(folder, value) : value;
}

/** The problem with its place before it. The name of a flag or a variable already names the setting. */
function placed({ setting, message }: SettingProblem, at: Given | undefined): SettingProblem {
  if (!at) return { setting, message };
  const twice = at.source !== 'file' && message.startsWith(`${setting} `);
  return { setting, message: `${at.place}: ${twice ? message.slice(setting.length + 1) : message}` };
}

function everySetting<T>(value: (name: SettingName) => T): Record<SettingName, T> {
  return Object.fromEntries(settingNames.map((name) => [name, value(name)])) as Record<SettingName, T>;
}
