import { describe, expect, it } from 'vitest';
import { type LoadSettingsOptions, loadSettings } from '../../../../src/cli/settings/load-settings.js';
import { printConfig } from '../../../../src/cli/settings/print-config.js';
import { settingNames } from '../../../../src/settings/schema.js';

async function loaded(options: Partial<LoadSettingsOptions> = {}) {
  return await loadSettings({ flags: {}, env: {}, cwd: '/', ...options });
}

describe('printConfig', () => {
  it('shows each setting, its value as written, and its source', async () => {
    const table = printConfig(
      await loaded({
        flags: { size: '5', monitor: false, interval: '1500ms', processor: 'p.js' },
        env: { CGROUP_BATCH: '7', REDIS_URL: 'redis://u:s%40cret@h:1/0?db=0' },
      }),
      { json: false },
    );
    const rows = table.split('\n').map((line) => line.split(/ {2,}/));
    expect(rows[0]).toEqual(['setting', 'value', 'from']);
    expect(rows.slice(1).map(([name]) => name)).toEqual([...settingNames]);
    expect(rows).toContainEqual(['size', '5', '--size']);
    expect(rows).toContainEqual(['monitor', 'false', '--no-monitor']);
    expect(rows).toContainEqual(['interval', '1500ms', '--interval']);
    expect(rows).toContainEqual(['timeout', '60s', 'default']);
    expect(rows).toContainEqual(['batch', '7', 'CGROUP_BATCH']);
    expect(rows).toContainEqual(['processor', '/p.js', '--processor']);
    expect(rows).toContainEqual(['redis', 'redis://u:***@h:1/0?db=0', 'REDIS_URL']);
    expect(rows).toContainEqual(['logFormat', 'pretty on a terminal', 'default']);
    expect(table).not.toMatch(/s%40cret/);
  });

  it('shows no token', async () => {
    const flags = { http: '0.0.0.0:9464', httpToken: 'hush-hush-hush-hush' };
    for (const json of [true, false]) {
      const text = printConfig(await loaded({ flags }), { json });
      expect(text).toContain('0.0.0.0:9464');
      expect(text).toContain('***');
      expect(text).not.toContain('hush');
    }
    expect(printConfig(await loaded(), { json: false })).toMatch(/^httpToken +none +default$/m);
  });

  it('is plain text: no colours, no borders, no blanks at the end', async () => {
    const table = printConfig(await loaded(), { json: false });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the table must not contain them
    expect(table).not.toMatch(/\u001b|[│─┌|]/);
    for (const line of table.split('\n')) expect(line).toMatch(/\S$/);
  });

  it('prints an object with json', async () => {
    const text = printConfig(await loaded({ flags: { size: '5', redis: 'redis://:secret@h' } }), {
      json: true,
    });
    const object = JSON.parse(text) as Record<string, unknown>;
    expect(Object.keys(object)).toEqual([...settingNames]);
    expect(object).toMatchObject({
      size: { value: 5, from: '--size' },
      redis: { value: 'redis://:***@h', from: '--redis' },
      interval: { value: '3s', from: 'default' },
      batch: { value: 'auto', from: 'default' },
      monitor: { value: false, from: 'default' },
      processor: { value: null, from: 'default' },
    });
    expect(text).not.toContain('secret');
  });
});
