import type { SettingProblem } from '../../core/errors.js';
import type { SettingName } from '../../settings/settings.js';
import { settingInfos } from './setting-info.js';

interface From {
  readonly source: 'flag' | 'variable' | 'file';
  /** What `--print-config` calls the source: `--size`, `CGROUP_SIZE`, the file's path. */
  readonly origin: string;
  /** What stands before a problem: the origin, in a file with line and column. */
  readonly place: string;
}

/** A setting that one of the sources gives. */
export interface GivenSetting extends From {
  readonly known: true;
  readonly name: SettingName;
  readonly value: unknown;
}

/** Something given that is no setting. */
export interface GivenUnknown extends From {
  readonly known: false;
  readonly problem: SettingProblem;
}

export type Given = GivenSetting | GivenUnknown;

const NUMBER = /^-?\d+(\.\d+)?$/;
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, 1: true, 0: false };

/**
 * What was typed in a flag or a variable, as the type that the setting has in a config file. Text that is
 * not of this type stays text, so that the schema finds it wrong and says so in its own words.
 * Booleans are `true` or `1`, and `false` or `0`.
 */
export function coerce(name: SettingName, raw: string | boolean): unknown {
  if (typeof raw === 'boolean') return raw;
  const { types } = settingInfos[name];
  if (types.has('number') && NUMBER.test(raw)) return Number(raw);
  if (types.has('boolean') && Object.hasOwn(BOOLEANS, raw)) return BOOLEANS[raw];
  return raw;
}
