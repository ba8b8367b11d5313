import { ownFile } from '../../core/own-files.js';
import { DURATION } from '../../settings/durations.js';
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

/**
 * All settings by name, in the order of the schema. They come from config/schema.json, which a test holds against the
 * schema itself: that would take as long to load as all else that a help needs.
 */
export const settingInfos: Readonly<Record<SettingName, SettingInfo>> = describeAll();

/** The names of all settings, in the same order. */
export const describedNames = Object.keys(settingInfos) as readonly SettingName[];

function describeAll(): Record<SettingName, SettingInfo> {
  const text = ownFile('../config/schema.json').toString();
  const { $schema: _ours, ...properties } = (
    JSON.parse(text) as { properties: Record<string, SettingJsonSchema> }
  ).properties;
  const infos = Object.entries(properties).map(([name, one]) => [name, describe(name as SettingName, one)]);
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
