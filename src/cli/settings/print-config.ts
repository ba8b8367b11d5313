import { kindOfProcessor } from '../../core/processor-kind.js';
import { printableJson } from '../../log/printable.js';
import { MASK, maskUrl } from '../../log/redaction.js';
import { secretSettings, settingNames } from '../../settings/schema.js';
import type { SettingName } from '../../settings/settings.js';
import { columns } from '../table.js';
import type { LoadedSettings } from './load-settings.js';
import { settingInfos } from './setting-info.js';

/**
 * Every effective setting, its value as it is written (durations as `3s`, a password as `***`) and its source:
 * a table without colours or borders, or with `json` one object {setting: {value, from}}, where a setting without
 * a value is null. Ends without a line break.
 */
export function printConfig(loaded: LoadedSettings, { json }: { json: boolean }): string {
  const rows = settingNames.map((name) => ({ name, value: shown(name, loaded), from: loaded.origin[name] }));
  if (json) {
    const entries = rows.map(({ name, value, from }) => [name, { value: value ?? null, from }]);
    return printableJson(Object.fromEntries(entries), 2);
  }
  return columns([
    ['setting', 'value', 'from'],
    ...rows.map(({ name, value, from }) => [name, String(value ?? settingInfos[name].default), from]),
  ]);
}

function shown(name: SettingName, { written }: LoadedSettings): unknown {
  const value = written[name];
  if (name === 'record' && value !== undefined) return maskUrl(String(value));
  if (name === 'redis' || (name === 'processor' && kindOfProcessor(String(value)) === 'service'))
    return maskUrl(String(value));
  return secretSettings.has(name) && value !== undefined ? MASK : value;
}
