import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingsMarkdown } from '../../src/cli/settings/settings-table.js';
import { settingNames } from '../../src/settings/schema.js';

describe('README.md', () => {
  it('holds the table of settings that the schema makes, between its marks', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const parts = readme.split(/<!-- \/?settings -->/);
    expect(parts, 'one <!-- settings --> and one <!-- /settings -->').toHaveLength(3);
    expect(parts[1]?.trim()).toBe(settingsMarkdown());
  });
});

describe('settingsMarkdown', () => {
  const rows = settingsMarkdown().split('\n');
  it('has a row of five cells for each setting', () => {
    expect(rows).toHaveLength(settingNames.length + 2);
    for (const row of rows) expect(row.split(/(?<!\\)\|/)).toHaveLength(7);
  });

  it.each([
    '| `size` | `--size`, `-n` | `CGROUP_SIZE` | `3` | how many consumers this process runs |',
    '| `group` | `--group` | `CGROUP_GROUP` | `cgroup` | the name of the consumer group on the inbox stream |',
  ])('has %s', (row) => {
    expect(rows).toContain(row);
  });

  it('names both variables of redis', () => {
    expect(rows.find((row) => row.includes('`redis`'))).toContain('| `CGROUP_REDIS`, `REDIS_URL` |');
  });

  it('names the flag that turns a boolean off, and the choices that the text does not', () => {
    expect(rows.find((row) => row.includes('`monitor`'))).toContain('`--monitor`, `-m`, `--no-monitor`');
    expect(rows.find((row) => row.includes('`logLevel`'))).toContain('trace, debug, info, warn');
  });
});
