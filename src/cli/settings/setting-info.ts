import { z } from 'zod';
import { DURATION } from '../../settings/durations.js';
import { settingNames, settingsSchema } from '../../settings/schema.js';
import type { SettingName } from '../../settings/settings.js';
import { SIZE } from '../../settings/sizes.js';

/** One setting as help, documents, flags and environment show it; all from the schema. */
export interface SettingInfo {
  readonly name: SettingName;
  /** The long flag, `--claim-after`. */
  readonly flag: string;
  /** The short flag: `-n`. */
  readonly short: string | undefined;
  /** The flag that turns a boolean off: `--no-monitor`. */
  readonly negative: string | undefined;
  /** The environment variables that set it, strongest first. */
  readonly variables: readonly [string, ...string[]];
  /** The types that a value may have in the config file. */
  readonly types: ReadonlySet<'string' | 'number' | 'boolean'>;
  /** The value in the help, without brackets: `n`, `duration`, `auto|off|only`. */
  readonly placeholder: string;
  /** The allowed values of an enumeration. */
  readonly choices: readonly string[];
  /** The default as it is written in a config file; undefined for none. */
  readonly defaultValue: unknown;
  /** The default in words, or the effect of no value. */
  readonly default: string;
  readonly description: string;
}

/** The part of JSON Schema that our settings use. */
export interface SettingJsonSchema {
  type?: string;
  enum?: string[];
  const?: string;
  anyOf?: SettingJsonSchema[];
  pattern?: string;
  default?: unknown;
  description?: string;
}

const SHORT: Partial<Record<SettingName, string>> = {
  size: '-n',
  redis: '-r',
  processor: '-p',
  monitor: '-m',
};

const PLACEHOLDERS: Partial<Record<SettingName, string>> = {
  redis: 'url',
  processor: 'what',
  simulateMs: 'ms',
  http: '[host:]port',
  httpToken: 'secret',
  logLevel: 'level',
};

/** The effect of no value, for settings without a default. */
const UNSET: Partial<Record<SettingName, string>> = {
  processor: 'built in',
  http: 'off',
  httpToken: 'none',
  host: 'the name of this machine',
  logFormat: 'pretty on a terminal',
};

/** The schema of the settings as they are written, in JSON Schema; editors know draft 7 best. */
export function settingsJsonSchema(): { properties: Record<SettingName, SettingJsonSchema> } {
  const { properties } = z.toJSONSchema(settingsSchema, { io: 'input', target: 'draft-7' });
  return { properties: properties as Record<SettingName, SettingJsonSchema> };
}

/** All settings by name, in the order of the schema. */
export const settingInfos: Readonly<Record<SettingName, SettingInfo>> = describeAll();

function describeAll(): Record<SettingName, SettingInfo> {
  const { properties } = settingsJsonSchema();
  const infos = settingNames.map((name) => [name, describe(name, properties[name])] as const);
  return Object.fromEntries(infos) as Record<SettingName, SettingInfo>;
}

function describe(name: SettingName, schema: SettingJsonSchema): SettingInfo {
  const dashed = separated(name, '-').toLowerCase();
  const types = new Set(alternatives(schema).map(typeOf));
  const own = `CGROUP_${separated(name, '_').toUpperCase()}`;
  return {
    name,
    flag: `--${dashed}`,
    short: SHORT[name],
    negative: types.has('boolean') ? `--no-${dashed}` : undefined,
    // Platforms name the Redis of an application in this variable.
    variables: name === 'redis' ? [own, 'REDIS_URL'] : [own],
    types,
    placeholder: PLACEHOLDERS[name] ?? alternatives(schema).map(placeholderOf).join('|'),
    choices: alternatives(schema).flatMap((one) => one.enum ?? []),
    defaultValue: schema.default,
    default: schema.default === undefined ? (UNSET[name] ?? '') : String(schema.default),
    description: schema.description ?? '',
  };
}

function alternatives(schema: SettingJsonSchema): SettingJsonSchema[] {
  return schema.anyOf ?? [schema];
}

function typeOf(schema: SettingJsonSchema): 'string' | 'number' | 'boolean' {
  if (schema.type === 'integer' || schema.type === 'number') return 'number';
  return schema.type === 'boolean' ? 'boolean' : 'string';
}

function placeholderOf(schema: SettingJsonSchema): string {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum.join('|');
  if (schema.pattern === DURATION.source) return 'duration';
  if (schema.pattern === SIZE.source) return 'size';
  return { number: 'n', boolean: '', string: 'name' }[typeOf(schema)];
}

/** `claimAfter` with a separator before each capital: `claim-After`. */
function separated(name: string, separator: string): string {
  return name.replace(/[A-Z]/g, (letter) => `${separator}${letter}`);
}
