import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { emptyFolder, lacks } from '../helpers/http.js';
import { onTerminal } from '../helpers/terminal.js';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));

/** How to start each shell without the files of this machine's user, and what a user types to have the completion. */
const SHELLS: readonly (readonly [shell: string, args: readonly string[], typed: string])[] = [
  ['bash', ['--norc', '--noprofile', '-i'], 'source <(cgroup completion bash)'],
  ['zsh', ['-f', '-i'], 'autoload -Uz compinit; compinit -u -D; source <(cgroup completion zsh)'],
  ['fish', ['--no-config', '-i'], 'cgroup completion fish | source'],
];

describe.each(SHELLS)('%s', (shell, args, typed) => {
  const missing = lacks(shell);
  test.skipIf(missing)(
    `completes commands, flags, values and files${missing ? `, skipped: ${missing}` : ''}`,
    async () => {
      const folder = await emptyFolder();
      mkdirSync(join(folder, 'bin'));
      const program = `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`;
      writeFileSync(join(folder, 'bin', 'cgroup'), program, { mode: 0o755 });
      writeFileSync(join(folder, 'my-handler.mjs'), '');
      const env = {
        HOME: folder,
        ZDOTDIR: folder,
        XDG_CONFIG_HOME: folder,
        PATH: `${folder}/bin:${process.env.PATH}`,
      };
      const terminal = onTerminal(args, { program: shell, columns: 120, env: { ...env, PS1: '> ' } });
      await terminal.shows(/[>#$%]/);
      // What is asked for is the last line that is typed: other lines stand above it.
      const completes = async (keys: string, line: RegExp) => {
        terminal.type(keys);
        await terminal.shows(line);
        terminal.type('\x15'); // deletes the line
      };
      terminal.type(`cd ${folder}; ${typed}; echo set''-up\r`);
      await terminal.shows(/^set-up/m);
      await completes('cgroup und\t', /cgroup undrain/);
      await completes('cgroup dead li\t--rea\ttime\t', /cgroup dead list --reason[= ]timeout/);
      await completes('cgroup start --bridge on\t', /start --bridge only/);
      await completes('cgroup start --order=to\t', /start --order=total/);
      await completes('cgroup start -p my\t', /start -p (\.\/)?my-handler\.mjs/);
      await completes('cgroup completion fi\t', /completion fish/);
      await completes('cgroup help mon\t', /help monitor/);
      await completes('cgroup help dead sk\t', /help dead skip/);
      // Tab lists what there is.
      await completes('cgroup help dead \t\t', /purge/);
    },
  );
});

test('another shell is refused, and the help says how to install it', async () => {
  const wrong = cgroup(['completion', 'tcsh']);
  expect(await wrong.exit).toEqual({ code: 2, signal: null });
  expect(wrong.stderr()).toMatch(/tcsh.*bash, zsh, fish/);
  const help = cgroup(['completion', '--help']);
  await help.exit;
  for (const [, , typed] of SHELLS.slice(0, 1)) expect(help.stdout()).toContain(typed);
});

test('no script calls cgroup while it completes, and each names every command', async () => {
  for (const [shell] of SHELLS) {
    const run = cgroup(['completion', shell]);
    expect(await run.exit, run.stderr()).toEqual({ code: 0, signal: null });
    const help = cgroup(['--help']);
    await help.exit;
    const names = [...help.stdout().matchAll(/^ {2}([a-z]+)(?: \[| <| {2})/gm)].map(([, name]) =>
      String(name),
    );
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) expect(run.stdout()).toContain(name);
    expect(run.stdout()).not.toMatch(/\$\(cgroup/);
  }
});
