import { settingsJsonSchema } from './setting-info.js';

/**
 * The JSON schema of the config file, from the one schema of the settings. `config/schema.json` is this,
 * written to a file, for editors; `npm run schema` writes it anew.
 */
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
