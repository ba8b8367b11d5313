import { resolve } from 'node:path';
import { type SettingProblem, SettingsError } from '../../core/errors.js';
import {
  brokenRules,
  isSettingName,
  parseSettings,
  problemOf,
  settingNames,
  unknownSetting,
} from '../../settings/schema.js';
import type { SettingName, Settings, SettingsInput } from '../../settings/settings.js';
import { type ConfigFile, readConfigFile } from './config-file.js';
import { readEnvironment } from './environment.js';
import type { RawFlags } from './flags.js';
import { coerce, type Given, type GivenSetting } from './given.js';
import { settingInfos } from './setting-info.js';

/**
 * Where an effective value came from, in words: `--size`, `CGROUP_SIZE`, `REDIS_URL`, the path of the
 * config file, or `default`.
 */
export type Origin = string;

export interface LoadSettingsOptions {
  /** The flags as typed, from `rawFlags`. */
  readonly flags: RawFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The absolute path of the folder in which the search for the config file begins. */
  readonly cwd: string;
  /** The file that `--config` names; without it, one is searched for. */
  readonly configPath?: string | undefined;
}

export interface LoadedSettings {
  /** The effective settings; `processor` is an absolute path. */
  readonly settings: Settings;
  readonly origin: Readonly<Record<SettingName, Origin>>;
  /** The effective values as they were written, durations as text: what the library takes. */
  readonly written: SettingsInput;
}

/**
 * The settings from all their sources: flags beat the environment, which beats the config file, which
 * beats the defaults. Every source is checked as a whole, also where a stronger one overrides it.
 *
 * @throws {SettingsError} with a line for each problem of all sources, beginning with its place:
 *   `consumer-group.config.json:3:11: size must be …`, `--size: must be …`, `CGROUP_SIZE: must be …`.
 */
export async function loadSettings(options: LoadSettingsOptions): Promise<LoadedSettings> {
  const { flags, env, cwd, configPath } = options;
  const file = await readConfigFile(cwd, configPath);
  const given = [...fromFlags(flags), ...readEnvironment(env), ...(file ? fromFile(file) : [])];

  const effective = new Map<string, GivenSetting>();
  for (const one of given) if (one.known && !effective.has(one.name)) effective.set(one.name, one);

  const problems: SettingProblem[] = [];
  if (file?.broken !== undefined) problems.push({ setting: '', message: file.broken });
  for (const one of given) {
    // REDIS_URL may be meant for another program altogether.
    if (one.origin === 'REDIS_URL' && effective.get('redis') !== one) continue;
    const problem = one.known ? problemOf(one.name, one.value) : one.problem;
    if (problem) problems.push(placed(problem, one));
  }
  const input: Partial<Record<SettingName, unknown>> = {};
  for (const one of effective.values())
    input[one.name] = absolute(one, file && one.source === 'file' ? file.folder : cwd);
  // What a broken file would have set is not known, so whether it fits the rest is not either.
  const broken = file?.broken === undefined ? brokenRules(input) : [];
  for (const problem of broken) problems.push(placed(problem, effective.get(problem.setting)));
  if (problems.length > 0) throw new SettingsError(problems);

  return {
    settings: parseSettings(input),
    origin: everySetting((name) => effective.get(name)?.origin ?? 'default'),
    written: everySetting((name) => input[name] ?? settingInfos[name].defaultValue) as SettingsInput,
  };
}

function fromFlags(flags: RawFlags): Given[] {
  return settingNames.flatMap((name) => {
    const raw = flags[name];
    if (raw === undefined) return [];
    const { flag, negative } = settingInfos[name];
    const origin = (raw === false && negative) || flag;
    return [{ source: 'flag', known: true, name, value: coerce(name, raw), origin, place: origin }];
  });
}

function fromFile(file: ConfigFile): Given[] {
  return file.entries.map(({ name, value, namePlace, valuePlace }) => {
    const common = { source: 'file', origin: file.label } as const;
    if (isSettingName(name)) return { ...common, known: true, name, value, place: valuePlace };
    return { ...common, known: false, problem: unknownSetting(name), place: namePlace };
  });
}

/** A module's path is seen from the file in which it is written, or else from the working directory. */
function absolute({ name, value }: GivenSetting, folder: string): unknown {
  return name === 'processor' && typeof value === 'string' ? resolve(folder, value) : value;
}

/** The problem with its place before it. A flag or a variable says by its own name which setting it is. */
function placed({ setting, message }: SettingProblem, at: Given | undefined): SettingProblem {
  if (!at) return { setting, message };
  const twice = at.source !== 'file' && message.startsWith(`${setting} `);
  return { setting, message: `${at.place}: ${twice ? message.slice(setting.length + 1) : message}` };
}

function everySetting<T>(value: (name: SettingName) => T): Record<SettingName, T> {
  return Object.fromEntries(settingNames.map((name) => [name, value(name)])) as Record<SettingName, T>;
}
