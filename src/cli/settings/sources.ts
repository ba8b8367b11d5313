import type { SettingProblem } from '../../core/errors.js';
import { nearest } from '../../settings/nearest.js';
import { isSettingName, settingNames, unknownSetting } from '../../settings/schema.js';
import type { SettingName } from '../../settings/settings.js';
import type { ConfigFile } from './config-file.js';
import type { RawFlags } from './flags.js';
import { settingInfos } from './setting-info.js';

interface From {
  readonly source: 'flag' | 'variable' | 'file';
  /** The name of the source in `--print-config`: `--size`, `CGROUP_SIZE`, the file's path. */
  readonly origin: string;
  /** The start of a problem's line: the origin, in a file with line and column. */
  readonly place: string;
}

/** A setting that one of the sources gives. */
export interface GivenSetting extends From {
  readonly known: true;
  readonly name: SettingName;
  readonly value: unknown;
}

/** A name that one of the sources gives and that is no setting. */
export interface GivenUnknown extends From {
  readonly known: false;
  readonly problem: SettingProblem;
}

export type Given = GivenSetting | GivenUnknown;

export function fromFlags(flags: RawFlags): Given[] {
  return settingNames.flatMap((name) => {
    const raw = flags[name];
    if (raw === undefined) return [];
    const { flag, negative } = settingInfos[name];
    const origin = (raw === false && negative) || flag;
    return [{ source: 'flag', known: true, name, value: coerce(name, raw), origin, place: origin }];
  });
}

export function fromFile({ label, settings }: ConfigFile): Given[] {
  return settings.map(({ name, value, namePlace, valuePlace }) => {
    const common = { source: 'file', origin: label } as const;
    if (isSettingName(name)) return { ...common, known: true, name, value, place: valuePlace };
    return { ...common, known: false, problem: unknownSetting(name), place: namePlace };
  });
}

const PREFIX = 'CGROUP_';
const VARIABLES = settingNames.flatMap((name) => settingInfos[name].variables);
const OURS = VARIABLES.filter((variable) => variable.startsWith(PREFIX));

/**
 * Kubernetes sets these in every container of the namespace if a service is called
 * `cgroup`, or `cgroup-…`: `CGROUP_SERVICE_HOST`, `CGROUP_PORT_6379_TCP_ADDR`, `CGROUP_REDIS_PORT`.
 */
const OF_KUBERNETES = /^CGROUP_(SERVICE_|(\w+_)?(SERVICE_(HOST|PORT)|PORT)(_|$))/;

/**
 * The settings in the environment: `CGROUP_` and the name in capitals, and `REDIS_URL`. If two
 * variables set the same, the stronger comes first. An empty variable is not set.
 */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Given[] {
  const known = settingNames.flatMap((name) =>
    settingInfos[name].variables.flatMap((variable) => fromVariable(name, variable, env[variable])),
  );
  const unknown = Object.keys(env).filter((variable) => env[variable] && isUnknown(variable));
  return [...known, ...unknown.map(unknownVariable)];
}

function fromVariable(name: SettingName, variable: string, raw: string | undefined): Given[] {
  if (!raw) return [];
  const value = coerce(name, raw);
  return [{ source: 'variable', known: true, name, value, origin: variable, place: variable }];
}

function isUnknown(variable: string): boolean {
  return variable.startsWith(PREFIX) && !OURS.includes(variable) && !OF_KUBERNETES.test(variable);
}

function unknownVariable(variable: string): Given {
  // The prefix is always right, and would make all names similar.
  const meant = nearest(
    variable.slice(PREFIX.length),
    OURS.map((one) => one.slice(PREFIX.length)),
  );
  const hint = meant ? `did you mean ${PREFIX}${meant}?` : `there are ${VARIABLES.join(', ')}`;
  const problem = { setting: variable, message: `there is no setting of this name; ${hint}` };
  return { source: 'variable', known: false, problem, origin: variable, place: variable };
}

const NUMBER = /^-?\d+(\.\d+)?$/;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false };

/**
 * A flag's or variable's text as the type that the setting has in a config file. Text of another type stays
 * text: the schema then refuses it in its own words. Booleans are `true` or `1`, and `false` or `0`.
 */
function coerce(name: SettingName, raw: string | boolean): unknown {
  if (typeof raw === 'boolean') return raw;
  const { types } = settingInfos[name];
  if (types.has('number') && NUMBER.test(raw)) return Number(raw);
  if (types.has('boolean') && Object.hasOwn(BOOLEANS, raw)) return BOOLEANS[raw];
  return raw;
}
