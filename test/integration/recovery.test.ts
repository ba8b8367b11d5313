import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn, pidOf, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

function tempFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-recovery-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}

const leader = async (group: TestGroup): Promise<number> => {
  const { leader: id } = await group.read();
  return Number(/-(\d+)-[0-9a-f]{6}$/.exec(id ?? '')?.[1]);
};

describe('kill -9', () => {
  test('of one of two processes at work: its messages are taken over and its ids removed, each within 5 s', async () => {
    const group = await groupOn(redis.url);
    const flags = ['--size', '2', '--simulate-ms', '150'];
    const [doomed, other] = [await group.start(flags), await group.start(flags)];
    const ids = await group.publish(80);
    // It has processed some messages, and holds at least one.
    const stranded = await until(async () => {
      const { processedBy, pendingOf } = await group.read();
      const ofDoomed = (counts: ReadonlyMap<string, number>) =>
        [...counts].reduce((sum, [id, n]) => sum + (pidOf(id) === doomed.pid ? n : 0), 0);
      return ofDoomed(processedBy) >= 4 && ofDoomed(pendingOf) > 0;
    });
    expect(stranded).toBe(true);
    await doomed.kill('SIGKILL');
    const killedAt = Number((await group.raw.time())[0]) * 1_000;
    const left = new Set(
      ((await group.raw.xpending(group.keys.inbox, 'cgroup', '-', '+', 1_000)) as [string, string][])
        .filter(([, consumer]) => pidOf(consumer) === doomed.pid)
        .map(([id]) => id),
    );
    expect(left.size).toBeGreaterThan(0);

    await until(async () => (await group.listed()).every((id) => pidOf(id) === other.pid), {
      timeout: 5_000,
    });
    expect(await group.listed()).toHaveLength(2);
    await group.settled(80);
    const outputs = await group.outputs();
    expect(outputs.map(({ messageId }) => messageId).sort()).toEqual([...ids].sort());
    const takenOver = outputs.filter(({ inboxId }) => left.has(inboxId));
    for (const { consumerId, at } of takenOver) {
      expect(pidOf(consumerId)).toBe(other.pid);
      // Taken over within 5 s, then processed: 150 ms, and a second's rounding of the time of the kill.
      expect(at - killedAt).toBeLessThan(5_000 + 150 + 1_000);
    }
    // The Redis group has no consumers of the dead process either.
    await until(
      async () => {
        const infos = (await group.raw.xinfo('CONSUMERS', group.keys.inbox, 'cgroup')) as string[][];
        return infos.every((info) => pidOf(String(info[1])) === other.pid);
      },
      { timeout: 12_000 },
    );
    expect((await other.kill()).code).toBe(0);
  });

  test('of a process that runs alone: the next one finds its messages, and only its own ids in the list', async () => {
    const group = await groupOn(redis.url);
    const flags = ['--size', '2', '--simulate-ms', '100'];
    const first = await group.start(flags);
    await group.publish(20);
    await until(async () => (await group.read()).counters.processed >= 2);
    await first.kill('SIGKILL');
    const second = await group.start(flags);
    await until(async () => (await group.listed()).every((id) => pidOf(id) === second.pid), {
      timeout: 5_000,
    });
    await group.settled((await group.read()).counters.relayed);
    expect((await group.read()).counters.processed).toBe(20);
    expect(await group.outputs()).toHaveLength(20);
    await second.kill();
  });

  test('of all: the next one is subscribed a lease later, and the gap ends there', async () => {
    const group = await groupOn(redis.url);
    const lease = 2_000;
    const flags = ['--size', '1', '--lease', `${lease}ms`];
    const all = [await group.start(flags), await group.start(flags)];
    await group.bridgesInStep(2);
    await group.publish(['before']);
    await group.settled(1);
    await Promise.all(all.map((run) => run.kill('SIGKILL')));

    const next = cgroup(['start', ...group.flags, ...flags]);
    await next.line(/2 seats for bridges are taken: this one waits for a seat/);
    const asked = performance.now();
    await group.publish(['missed']);
    await until(
      async () => ((await group.raw.pubsub('NUMSUB', group.space.channel)) as [string, number])[1] > 0,
      { what: 'a bridge to subscribe' },
    );
    // Not three leases, as if one of the others lived.
    expect(performance.now() - asked).toBeLessThan(2.5 * lease);
    const killed = `(${all.map(({ pid }) => `\\S+-${pid}-\\S+`).join('|')})`;
    await next.line(new RegExp(`the bridge ${killed} makes no marks: this one asks for its seat`));
    const marks = async () => Number(await group.raw.hget(group.keys.bridge, 'mark'));
    const seen = await marks();
    await until(async () => (await marks()) > seen, { what: 'a mark after the subscription' });
    const [seconds = 0, micros = 0] = (await group.raw.time()).map(Number);
    await group.publish(['after']);
    await group.settled(2);

    expect((await group.outputs()).map(({ messageId }) => messageId)).toEqual(['before', 'after']);
    const { records: gaps } = await group.gaps();
    expect(gaps).toMatchObject([{ reason: 'no bridge was subscribed' }]);
    expect(gaps[0]?.to).toBeLessThanOrEqual(seconds * 1_000 + micros / 1_000);
    expect((await next.kill()).code).toBe(0);
  }, 60_000);

  test('of the leader, twice under a steady stream: nothing lost, nothing doubled', async () => {
    const group = await groupOn(redis.url);
    const runs = new Map<number, Awaited<ReturnType<TestGroup['start']>>>();
    const begin = async () => {
      const run = await group.start(['--size', '2']);
      runs.set(run.pid, run);
    };
    await Promise.all([begin(), begin()]);
    const ledger = tempFile('ids.txt');
    const publishing = cgroup([
      ...['publish', '--redis', redis.url, '--channel', group.space.channel],
      ...['--rate', '2000', '--duration', '10s', '--batch', '50', '--ledger', ledger, '--json'],
    ]);
    const killed: number[] = [];
    for (let kill = 1; kill <= 2; kill++) {
      const before = await group.read();
      await until(async () => (await group.read()).counters.processed > before.counters.processed + 1_000);
      await group.bridgesInStep(2);
      const pid = await leader(group);
      await runs.get(pid)?.kill('SIGKILL');
      runs.delete(pid);
      killed.push(pid);
      await until(async () => runs.has(await leader(group)), {
        what: 'another bridge to lead',
        timeout: 5_000,
      });
      await begin();
    }
    expect(new Set(killed).size).toBe(2);
    expect((await publishing.exit).code).toBe(0);
    const published = JSON.parse(publishing.stdout()) as { published: number; unheard: number };
    expect(published.unheard).toBe(0);
    await group.settled(published.published, 20_000);
    const verifying = cgroup(['verify', ...group.flags, '--ledger', ledger, '--json']);
    expect((await verifying.exit).code, String(verifying)).toBe(0);
    expect(JSON.parse(verifying.stdout())).toMatchObject({
      ok: true,
      lost: 0,
      doubled: 0,
      unexpected: 0,
      gaps: 0,
      ledger: published.published,
      processed: published.published,
    });
    await Promise.all([...runs.values()].map((run) => run.kill()));
    expect(await group.listed()).toEqual([]);
  }, 60_000);
});
