import { describe, expect, test } from 'vitest';
import type { GroupVerdict } from '../../src/observe/verdict-input.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { addressOf, SERVING } from '../helpers/http.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

async function verdictAt(address: string): Promise<GroupVerdict> {
  const answer = (await (await fetch(`${address}/readyz`)).json()) as { verdict: GroupVerdict };
  return answer.verdict;
}

/** Waits for a state, and collects what was said on the way. */
async function untilIs(address: string, state: GroupVerdict['state']): Promise<GroupVerdict> {
  let verdict = await verdictAt(address);
  await until(
    async () => {
      verdict = await verdictAt(address);
      return verdict.state === state;
    },
    { timeout: 20_000, what: `the state ${state}`, every: 200 },
  );
  return verdict;
}

describe('the verdict on real processes', () => {
  test('is no "Keeping up" while the backlog grows', { timeout: 90_000 }, async () => {
    const group = await groupOn(redis.url);
    const slow = ['--size', '1', '--simulate-ms', '20'];
    const [run, other] = [await group.start([...slow, ...SERVING]), await group.start(slow)];
    await group.bridgesInStep(2);
    const address = await addressOf(run);
    expect((await untilIs(address, 'healthy')).state).toBe('healthy');
    // 100 a second are done, and 400 come.
    const flood = setInterval(() => void group.publish(80), 200);
    const falling = await untilIs(address, 'falling-behind');
    const said: GroupVerdict[] = [];
    for (let i = 0; i < 20; i++) {
      said.push(await verdictAt(address));
      await new Promise((done) => setTimeout(done, 150));
    }
    clearInterval(flood);
    expect(falling.title).toMatch(/^Falling behind by [\d,]+ messages per second/);
    expect(new Set(said.map(({ state }) => state))).toEqual(new Set(['falling-behind']));
    await Promise.all([run.kill('SIGKILL'), other.kill('SIGKILL')]);
  });

  test('is no "Keeping up" with Redis gone: unknown after 3 s, and known again', {
    timeout: 90_000,
  }, async () => {
    const server = await freshRedis();
    const group = await groupOn(server.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const address = await addressOf(run);
    await until(async () => (await verdictAt(address)).state !== 'unknown');
    process.kill(server.pid, 'SIGSTOP');
    const verdict = await untilIs(address, 'unknown');
    expect(verdict.title).toMatch(/^Unknown since \d\d:\d\d:\d\dZ: /);
    expect(JSON.stringify(verdict)).not.toMatch(/keeping up/i);
    const status = (await (await fetch(`${address}/api/status`)).json()) as { verdict?: GroupVerdict };
    if (status.verdict) expect(status.verdict.state).toBe('unknown');
    process.kill(server.pid, 'SIGCONT');
    await until(async () => (await verdictAt(address)).state !== 'unknown', { timeout: 20_000 });
    await run.kill();
  });

  test('is no "Keeping up" with half of the group killed, and a clean stop is no loss', {
    timeout: 90_000,
  }, async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const [killed, stopped] = [await group.start(['--size', '1']), await group.start(['--size', '1'])];
    await group.bridgesInStep(2);
    const address = await addressOf(run);
    await untilIs(address, 'healthy');
    await stopped.kill();
    await group.bridgesInStep(2);
    await killed.kill('SIGKILL');
    const verdict = await untilIs(address, 'degraded');
    expect(verdict.title).not.toMatch(/keeping up/i);
    // The others note it; it is there for one who looks once, too.
    await until(
      async () => {
        const status = cgroup(['status', '--json', ...group.flags]);
        await status.exit;
        const { ended, verdict: one } = JSON.parse(status.stdout());
        if (ended.length === 0) return false;
        expect(ended).toHaveLength(1);
        expect(ended[0].id).toContain(`-${killed.pid}-`);
        expect(one.state).toBe('degraded');
        expect(one.title).toMatch(/^1 process ended without leaving/);
        return true;
      },
      { timeout: 20_000, what: 'the end of the process' },
    );
    await run.kill();
  });
});
