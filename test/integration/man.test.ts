import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { settingInfos } from '../../src/cli/settings/setting-info.js';
import { cgroup } from '../helpers/cli.js';
import { lacks } from '../helpers/http.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { man } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as { man: string };
const PAGE = `${ROOT}/${man}`;

const missing = lacks('mandoc');
describe.skipIf(missing)(`the man page${missing ? `, skipped: ${missing}` : ''}`, () => {
  test('has no fault that mandoc finds', () => {
    const { status, stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', PAGE], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    expect(status).toBe(0);
    expect(spawnSync('mandoc', ['-T', 'lint', '-W', 'warning'], { input: '.TH\n.BAD\n' }).status).not.toBe(0);
  });

  test('shows each command and each flag of a setting', async () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'ascii', '-O', 'width=200', PAGE], { encoding: 'utf8' });
    // Bold letters are overstruck.
    const text = stdout.replaceAll(new RegExp(`.${String.fromCharCode(8)}`, 'g'), '');
    const help = cgroup(['--help']);
    await help.exit;
    const names = [...help.stdout().matchAll(/^ {2}([a-z]+)(?: \[| <| {2})/gm)].map(([, name]) =>
      String(name),
    );
    expect(names.length).toBeGreaterThan(15);
    for (const name of names.filter((one) => one !== 'help')) expect(text).toContain(`cgroup ${name}`);
    expect(text).toContain('cgroup dead retry');
    for (const { flag } of Object.values(settingInfos)) expect(text).toContain(flag);
    expect(text).toContain(`$ cgroup start --size 5 --monitor`);
  });
});
