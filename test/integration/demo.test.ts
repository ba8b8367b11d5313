import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { cgroup } from '../helpers/cli.js';

/** ms that the whole demo may take, as the README promises. */
const LONGEST = 20_000;

/** Temporary folders of demos, and processes that use them. */
async function leftBehind(): Promise<string[]> {
  const folders = (await readdir(tmpdir())).filter((name) => name.startsWith('cgroup-demo-'));
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid,args']);
  return [...folders, ...stdout.split('\n').filter((line) => line.includes('cgroup-demo-'))];
}

describe('cgroup demo', () => {
  it('kills the leader half-way, loses and doubles no message, and prints its measurements', async () => {
    const before = await leftBehind();
    const started = performance.now();
    const run = cgroup(['demo', '--json'], {
      env: { CGROUP_SIZE: 'many', REDIS_URL: 'redis://127.0.0.1:1' },
    });
    expect(await run.exit).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(LONGEST);
    const result = JSON.parse(run.stdout());
    expect(result).toMatchObject({ dead: 0, lost: 0, doubled: 0, ok: true });
    expect(result.published).toBeGreaterThan(10_000);
    expect(result.processed).toBe(result.published);
    expect(result.killed).toMatchObject({ led: true });
    expect(result.processes).toContain(result.killed.pid);
    expect(result.killed.consumers).toHaveLength(3);
    expect(result.killed.held).toBeGreaterThan(0);
    expect(result.killed.idsGoneMs).toBeLessThan(5_000);
    expect(result.killed.takenOverMs).toBeLessThan(5_000);
    expect(await leftBehind()).toEqual(before);
  });

  it('prints its five steps and their results as text', async () => {
    const run = cgroup(['demo']);
    expect(await run.exit).toEqual({ code: 0, signal: null });
    const text = run.stdout();
    expect(text.match(/^\d\. /gm)).toEqual(['1. ', '2. ', '3. ', '4. ', '5. ']);
    expect(text).toMatch(
      /^\S+Z \d+ msg\/s total=\d+ backlog=\d+ pending=\d+ retrying=0 dead=0 consumers=6$/m,
    );
    expect(text).toMatch(/kill -9 \d+/);
    expect(text).toContain('exactly one result');
    expect(text).toContain('cgroup start --size 5 --monitor');
  });

  it('leaves no folder and no process when it is interrupted', async () => {
    const before = await leftBehind();
    const run = cgroup(['demo']);
    await run.line(/^3\. Publishing/, LONGEST);
    expect(await run.kill('SIGINT')).toEqual({ code: 130, signal: null });
    expect(await leftBehind()).toEqual(before);
  });
});
