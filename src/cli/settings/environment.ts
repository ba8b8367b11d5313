import { nearest } from '../../settings/nearest.js';
import { settingNames } from '../../settings/schema.js';
import type { SettingName } from '../../settings/settings.js';
import { coerce, type Given } from './given.js';
import { settingInfos } from './setting-info.js';

const PREFIX = 'CGROUP_';

/**
 * What Kubernetes puts into every container for each service of the namespace, if a service is called
 * `cgroup`, or `cgroup-…`: `CGROUP_SERVICE_HOST`, `CGROUP_PORT_6379_TCP_ADDR`, `CGROUP_REDIS_PORT`.
 */
const OF_KUBERNETES = /^CGROUP_(SERVICE_|(\w+_)?(SERVICE_(HOST|PORT)|PORT)(_|$))/;

/**
 * The settings in the environment: `CGROUP_` and the name in capitals, and `REDIS_URL`. Where two
 * variables set the same, the stronger comes first. An empty variable is not set.
 */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Given[] {
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

const VARIABLES = settingNames.flatMap((name) => settingInfos[name].variables);
const OURS = VARIABLES.filter((variable) => variable.startsWith(PREFIX));

function isUnknown(variable: string): boolean {
  return variable.startsWith(PREFIX) && !OURS.includes(variable) && !OF_KUBERNETES.test(variable);
}

function unknownVariable(variable: string): Given {
  // Without the prefix, which is right in any case, what is left must be alike by itself.
  const meant = nearest(
    variable.slice(PREFIX.length),
    OURS.map((one) => one.slice(PREFIX.length)),
  );
  const hint = meant ? `did you mean ${PREFIX}${meant}?` : `there are ${VARIABLES.join(', ')}`;
  const problem = { setting: variable, message: `there is no setting of this name; ${hint}` };
  return { source: 'variable', known: false, problem, origin: variable, place: variable };
}
