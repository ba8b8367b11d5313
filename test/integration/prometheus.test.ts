import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { addressOf, emptyFolder, freePort, lacks, runBeside, SERVING } from '../helpers/http.js';
import { hastened, metricsIn } from '../helpers/prometheus-rules.js';
import { namespaceOn, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const config = (name: string) => readFile(new URL(`../../config/${name}`, import.meta.url), 'utf8');
const TOKEN = 'a-token-for-this-test';
const withToken = { headers: { authorization: `Bearer ${TOKEN}` } };

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
  readonly templating: { readonly list: readonly { readonly query: { readonly query?: string } | string }[] };
}

/** The names of all metrics that a process serves, those without a value included. */
async function served(address: string): Promise<Set<string>> {
  const text = await (await fetch(`${address}/metrics`, withToken)).text();
  return new Set([...text.matchAll(/^(cgroup_[a-z_]+)(?=[ {])/gm)].map(([name]) => name));
}

describe('the files for Prometheus and Grafana', () => {
  test('use only metrics that a process serves, and use all of them', async () => {
    const group = await groupOn(redis.url);
    const serving = ['--size', '1', ...SERVING, '--http-token', TOKEN];
    const run = await group.start([...serving, '--order', 'total']);
    const address = await addressOf(run);
    // Some metrics are served with a list only, or with one of the orders.
    const list = `${group.space.channel}:list`;
    const { output, consumerList } = namespaceOn(redis.url);
    const flags = ['--redis', redis.url, '--output', output, '--consumer-list', consumerList, '--list', list];
    const queue = cgroup(['start', ...flags, ...serving, '--order', 'key', '--order-key', 'k']);
    await queue.line(/"msg":"ready: /);
    const names = new Set<string>();
    for (const at of [address, await addressOf(queue)])
      for (const name of await until(async () => {
        const all = await served(at);
        return all.has('cgroup_backlog') ? all : undefined;
      }))
        names.add(name);
    const rules = parse(await config('alerts.yml')) as Rules;
    const inRules = rules.groups.flatMap((one) => one.rules.flatMap(({ expr }) => metricsIn(expr)));
    const dashboard = JSON.parse(await config('grafana-dashboard.json')) as Dashboard;
    const inPanels = dashboard.panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => metricsIn(expr)),
    );
    const inVariables = dashboard.templating.list.flatMap(({ query }) =>
      metricsIn(typeof query === 'string' ? query : (query.query ?? '')),
    );
    expect(inRules.length).toBeGreaterThan(8);
    expect(inPanels.length).toBeGreaterThan(30);
    expect([...inRules, ...inPanels, ...inVariables].filter((name) => !names.has(name))).toEqual([]);
    const shown = new Set([...inRules, ...inPanels]);
    expect([...names].filter((name) => !shown.has(name))).toEqual([]);
    await Promise.all([run.kill(), queue.kill()]);
  });
});

describe('the compose file', () => {
  interface Compose {
    readonly services: Record<string, { volumes?: string[]; hostname?: string; command?: string[] }>;
  }

  test('names existing files and targets, and a valid command', async () => {
    const { services } = parse(await config('compose.yml'), { merge: true }) as Compose;
    const files = Object.values(services).flatMap(({ volumes = [] }) =>
      volumes.map((one) => one.split(':')[0]),
    );
    for (const file of files.filter((one) => one?.startsWith('./')))
      expect(await config(String(file))).not.toBe('');
    const hosts = Object.values(services).flatMap(({ hostname }) => hostname ?? []);
    expect(hosts).toEqual(['group-a', 'group-b']);
    for (const host of hosts) expect(await config('prometheus.yml')).toContain(`"${host}:9464"`);
    const [, , ...args] = services['group-a']?.command ?? [];
    const run = cgroup([...args, '--print-config'], { env: { CGROUP_HTTP_TOKEN: TOKEN } });
    expect((await run.exit).code).toBe(0);
    expect(run.stdout()).toMatch(/^http +0\.0\.0\.0:9464 /m);
  });
});

const missing = lacks('prometheus');

describe.skipIf(missing)(`a real Prometheus${missing ? `, skipped: ${missing}` : ''}`, () => {
  test('scrapes two processes, and alerts while no consumer runs', { timeout: 120_000 }, async () => {
    const group = await groupOn(redis.url);
    const flags = [...SERVING, '--http-token', TOKEN];
    const bridge = await group.start(['--bridge', 'only', ...flags]);
    const consumers = () => group.start(['--bridge', 'off', '--size', '2', ...flags]);
    const [first, at] = [await consumers(), await freePort()];
    const targets = [await addressOf(bridge), await addressOf(first)].map((url) =>
      url.slice('http://'.length),
    );

    const folder = await emptyFolder();
    const own = hastened(await config('prometheus.yml'), 10).replace(
      /targets: \[.*\]/,
      `targets: ${JSON.stringify(targets)}`,
    );
    await writeFile(join(folder, 'prometheus.yml'), own);
    await writeFile(join(folder, 'alerts.yml'), hastened(await config('alerts.yml'), 15));
    await writeFile(join(folder, 'token'), TOKEN);
    const said = runBeside(
      'prometheus',
      [
        '--config.file=prometheus.yml',
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${at}`,
      ],
      folder,
    );
    const ask = async <T>(path: string): Promise<T> => {
      const response = await fetch(`http://127.0.0.1:${at}/api/v1/${path}`);
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}\n${said()}`);
      return ((await response.json()) as { data: T }).data;
    };
    const query = async (expression: string) => {
      const { result } = await ask<{ result: { value: [number, string] }[] }>(
        `query?query=${encodeURIComponent(expression)}`,
      );
      return result.map(({ value }) => Number(value[1]));
    };
    const firing = async () => {
      const { alerts } = await ask<{ alerts: { state: string; labels: { alertname: string } }[] }>('alerts');
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname);
    };

    await until(async () => (await query('sum(up{job="cgroup"})'))[0] === 2, {
      timeout: 30_000,
      what: 'both targets to be up',
    });
    const { groups } = await ask<{
      groups: { rules: { name: string; health: string; lastError?: string }[] }[];
    }>('rules');
    const rules = parse(await config('alerts.yml')) as Rules;
    const named = rules.groups.flatMap((one) => one.rules.map(({ alert }) => alert));
    expect(groups.flatMap((one) => one.rules.map(({ name }) => name))).toEqual(named);

    await group.publish(50);
    await group.settled(50);
    await until(async () => (await query('max(cgroup_processed_total)'))[0] === 50, {
      what: '50 in Prometheus',
    });
    const quantile = 'histogram_quantile(0.5, sum by (le) (cgroup_publish_to_output_seconds_bucket))';
    await until(async () => Number((await query(quantile))[0]) > 0, { what: 'the histograms' });
    expect(await query('sum(cgroup_processing_seconds_count)')).toEqual([50]);
    expect(await query('sum(cgroup_publish_to_output_seconds_count)')).toEqual([50]);
    expect(await firing()).toEqual([]);

    // Killed: its messages and all new ones wait.
    await first.kill('SIGKILL');
    await group.publish(50);
    await until(async () => (await firing()).includes('CgroupNotKeepingUp'), {
      timeout: 40_000,
      what: 'CgroupNotKeepingUp to fire',
    });
    const second = await consumers();
    await group.settled(100);
    await until(async () => !(await firing()).includes('CgroupNotKeepingUp'), {
      timeout: 20_000,
      what: 'CgroupNotKeepingUp to clear',
    });
    for (const one of groups.flatMap(({ rules: all }) => all)) expect(one.lastError ?? '').toBe('');
    await Promise.all([bridge.kill(), second.kill()]);
  });
});
