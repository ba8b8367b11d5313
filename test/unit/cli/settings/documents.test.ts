import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configJsonSchema } from '../../../../src/cli/settings/documents.js';
import { loadSettings } from '../../../../src/cli/settings/load-settings.js';
import { parseSettings } from '../../../../src/settings/parse.js';
import { settingNames } from '../../../../src/settings/schema.js';

const root = new URL('../../../../', import.meta.url);

function json(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, root), 'utf8'));
}

describe('config/schema.json', () => {
  it('equals the schema of the settings; if not, run: npm run schema', () => {
    expect(json('config/schema.json')).toEqual(configJsonSchema());
  });

  it('has every setting, $schema and nothing else', () => {
    expect(configJsonSchema()).toMatchObject({
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      additionalProperties: false,
      properties: {
        $schema: { type: 'string' },
        size: { type: 'integer', minimum: 1, maximum: 10_000, default: 3 },
        interval: { type: 'string', default: '3s', pattern: '^\\d{1,9}(\\.\\d{1,9})?(ms|s|m|h)$' },
        bridge: { enum: ['auto', 'off', 'only'], default: 'auto' },
      },
    });
    const { properties, required } = configJsonSchema() as { properties: object; required?: unknown };
    expect(Object.keys(properties)).toEqual(['$schema', ...settingNames]);
    expect(required).toBeUndefined();
    for (const property of Object.values(properties)) expect(property).toHaveProperty('description');
  });
});

describe('consumer-group.config.json of the project', () => {
  it('holds only defaults, and names the schema', async () => {
    expect(json('consumer-group.config.json')).toMatchObject({ $schema: './config/schema.json' });
    const cwd = new URL('.', root).pathname;
    const { settings, origin } = await loadSettings({ flags: {}, env: {}, cwd });
    expect(settings).toEqual(parseSettings({}));
    expect(origin).toMatchObject({ size: 'consumer-group.config.json', timeout: 'default' });
  });
});
