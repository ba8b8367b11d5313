import { fileURLToPath } from 'node:url';
import { type SettingProblem, SettingsError } from '../core/errors.js';
import { kindOfProcessor } from '../core/processor-kind.js';
import { brokenRules } from './rules.js';
import {
  isObject,
  isSettingName,
  problemOf,
  readSome,
  settingNames,
  unknownSetting,
  withOrderDefaults,
} from './schema.js';
import { durationNames, type Settings, type SettingsInput } from './settings.js';

/**
 * Checks settings and fills in the defaults.
 *
 * @throws {SettingsError} naming every unknown or wrong setting, and what is allowed.
 */
export function parseSettings(input: unknown): Settings {
  const settings = readSome(withOrderDefaults(input), settingNames);
  const problems = [...problemsOf(input), ...brokenRules(input)];
  if (!settings || problems.length > 0) throw new SettingsError(problems);
  return settings;
}

/**
 * Checks what a program gives: durations may be whole numbers of milliseconds too, the processor's path a `URL`.
 *
 * @throws {SettingsError} as {@link parseSettings} does
 */
export function parseOptions(options: SettingsInput): Settings {
  const written: Record<string, unknown> = { ...options };
  for (const name of durationNames)
    if (Number.isSafeInteger(written[name]) && Number(written[name]) >= 0)
      written[name] = `${written[name]}ms`;
  if (options.processor instanceof URL) written.processor = pathOf(options.processor);
  return parseSettings(written);
}

/** The path of a file: URL of this machine, the text of a service's; any other URL as it is, for the schema to refuse. */
function pathOf(url: URL): string | URL {
  if (kindOfProcessor(url.href) === 'service') return url.href;
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

function problemsOf(input: unknown): SettingProblem[] {
  if (!isObject(input)) return [{ setting: '', message: 'settings must be an object' }];
  const wrong = settingNames.map((name) => problemOf(name, input[name]));
  const unknown = Object.keys(input).filter((name) => !isSettingName(name));
  return [...wrong.filter((problem) => problem !== undefined), ...unknown.map(unknownSetting)];
}
