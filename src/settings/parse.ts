import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { type SettingProblem, SettingsError } from '../core/errors.js';
import { kindOfProcessor } from '../core/processor-kind.js';
import { brokenRules } from './rules.js';
import { READ_ONCE, settingsSchema, unknownSetting, withOrderDefaults, wrongValue } from './schema.js';
import { durationNames, type Settings, type SettingsInput } from './settings.js';

/**
 * Checks settings and fills in the defaults.
 *
 * @throws {SettingsError} naming every unknown or wrong setting, and what is allowed.
 */
export function parseSettings(input: unknown): Settings {
  const parsed = settingsSchema.safeParse(withOrderDefaults(input), READ_ONCE);
  const problems = parsed.success ? [] : problemsOf(parsed.error.issues, input);
  problems.push(...brokenRules(input));
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems);
  return parsed.data;
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

/** One problem for each setting, however many of its checks failed. */
function problemsOf(issues: readonly z.core.$ZodIssue[], input: unknown): SettingProblem[] {
  const problems = new Map<string, SettingProblem>();
  for (const issue of issues) {
    const setting = String(issue.path[0] ?? '');
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys) problems.set(key, unknownSetting(key));
    else if (setting === '') problems.set('', { setting, message: 'settings must be an object' });
    else if (!problems.has(setting))
      problems.set(setting, wrongValue(setting, (input as Record<string, unknown>)[setting], issue.message));
  }
  return [...problems.values()];
}
