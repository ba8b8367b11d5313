import { z } from 'zod';
import { settingNames, settingsSchema } from '../../settings/schema.js';
import type { SettingName } from '../../settings/settings.js';
import { type SettingInfo, type SettingJsonSchema, settingInfos } from './setting-info.js';

/** The schema of the settings as they are written, in JSON Schema; editors know draft 7 best. */
function settingsJsonSchema(): { properties: Record<SettingName, SettingJsonSchema> } {
  const { properties } = z.toJSONSchema(settingsSchema, { io: 'input', target: 'draft-7' });
  return { properties: properties as Record<SettingName, SettingJsonSchema> };
}

/** The JSON schema of the config file. `npm run schema` writes it to `config/schema.json`, for editors. */
export function configJsonSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: 'urn:cgroup:config',
    title: 'Settings of cgroup',
    description: 'The config file of cgroup, consumer-group.config.json or its equivalents.',
    type: 'object',
    properties: {
      $schema: { type: 'string', description: 'the path or URL of this schema, for editors' },
      ...settingsJsonSchema().properties,
    },
    additionalProperties: false,
  };
}

/**
 * The table of all settings in Markdown; it stands in the documents between `<!-- settings -->` and
 * `<!-- /settings -->`. Ends without a line break.
 */
export function settingsMarkdown(): string {
  const head = ['setting', 'flag', 'environment', 'default', 'meaning'];
  const rows = settingNames.map((name) => cells(settingInfos[name]));
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function cells(info: SettingInfo): string[] {
  const flags = [info.flag, info.short, info.negative].filter((flag) => flag !== undefined);
  const complete = info.choices.every((choice) => info.description.includes(choice));
  const meaning = complete ? info.description : `${info.description}: ${info.choices.join(', ')}`;
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
