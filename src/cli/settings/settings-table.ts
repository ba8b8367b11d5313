import { settingNames } from '../../settings/schema.js';
import { type SettingInfo, settingInfos } from './setting-info.js';

/**
 * The table of all settings in Markdown, from the one schema. The README holds it between
 * `<!-- settings -->` and `<!-- /settings -->`. Ends without a line break.
 */
export function settingsMarkdown(): string {
  const head = ['setting', 'flag', 'environment', 'default', 'meaning'];
  const rows = settingNames.map((name) => cells(settingInfos[name]));
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function cells(info: SettingInfo): string[] {
  const flags = [info.flag, ...(info.short ? [info.short] : [])];
  if (info.negative) flags.push(info.negative);
  const told = info.choices.every((choice) => info.description.includes(choice));
  const meaning = told ? info.description : `${info.description}: ${info.choices.join(', ')}`;
  return [
    code(info.name),
    flags.map(code).join(', '),
    info.variables.map(code).join(', '),
    info.defaultValue === undefined ? info.default : code(info.default),
    meaning.replaceAll('|', '\\|'),
  ];
}

function code(text: string): string {
  return `\`${text}\``;
}
