import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { parse as parseWords } from 'shell-quote';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { metricDefinitions } from '../../src/http/metrics-list.js';
import { parseDuration } from '../../src/settings/durations.js';
import { type CliRun, cgroup } from '../helpers/cli.js';
import { emptyFolder, lacks } from '../helpers/http.js';
import { freshPostgres, lacksPostgres } from '../helpers/postgres.js';
import { metricsIn } from '../helpers/prometheus-rules.js';
import { freshRedis } from '../helpers/redis.js';
import { freePort } from '../helpers/service.js';
import { until } from '../helpers/until.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLES = join(ROOT, 'examples');

const textOf = (...path: string[]) => readFileSync(join(...path), 'utf8');

/** The examples, copied into a project that has cgroup installed, as users have them. */
async function projectOf(...examples: string[]): Promise<string> {
  const folder = await emptyFolder();
  for (const example of examples) cpSync(join(EXAMPLES, example), folder, { recursive: true });
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'cgroup'));
  symlinkSync(join(ROOT, 'node_modules', '@types'), join(folder, 'node_modules', '@types'));
  return folder;
}

/** The words of the first command in the README of an example that begins with these words; these are left out. */
function commandIn(example: string, program: string): string[] {
  const commands = [...textOf(EXAMPLES, example, 'README.md').matchAll(/`([^`]+)`/g)].map(
    ([, text = '']) => text,
  );
  const command = commands.find((text) => `${text} `.startsWith(`${program} `));
  if (command === undefined) throw new Error(`examples/${example}/README.md has no command \`${program} …\``);
  return parseWords(command.slice(program.length)).map(String);
}

/** A Redis with the default names, for one test. */
async function redisOf() {
  const { url } = await freshRedis();
  const raw = new Redis(url);
  onTestFinished(() => raw.disconnect());
  return {
    env: { REDIS_URL: url },
    publish: (message: object) => raw.publish('messages:published', JSON.stringify(message)),
    /** Publishes the order that the README of an example publishes, by redis-cli. */
    publishAsIn: (example: string) => {
      const publishing = /redis-cli publish (\S+) '([^']+)'/.exec(textOf(EXAMPLES, example, 'README.md'));
      return raw.publish(String(publishing?.[1]), String(publishing?.[2]));
    },
    /** The results, oldest first, once there are so many. */
    processed: (count: number) =>
      until(
        async () => {
          const entries = await raw.xrange('messages:processed', '-', '+');
          if (entries.length < count) return undefined;
          return entries.map(([, [, messageId, , , , , , data]]) => ({
            messageId,
            data: JSON.parse(String(data)) as unknown,
          }));
        },
        { what: `${count} results in messages:processed` },
      ),
  };
}

/** What becomes of the order in the READMEs. */
const A1 = { messageId: 'a1', data: { message_id: 'a1', price: 3, count: 2, total: 6 } };

/** Runs a program of an example; it is killed when the test has ended. */
function run(program: string, args: readonly string[], cwd: string, env: Record<string, string> = {}) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const exit = new Promise<number | NodeJS.Signals | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done(code ?? signal));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  return {
    exit,
    output: () => output,
    /** Waits until it has printed this text. */
    says: async (text: string) => {
      await Promise.race([until(() => output.includes(text)).catch(() => {}), exit]);
      expect(output).toContain(text);
    },
    kill: (signal: NodeJS.Signals = 'SIGTERM') => {
      child.kill(signal);
      return exit;
    },
  };
}

/** Runs the `npx cgroup start …` of an example's README, and returns when it is ready. */
async function startAsIn(example: string, cwd: string, env: Record<string, string>): Promise<CliRun> {
  const group = cgroup(['start', ...commandIn(example, 'npx cgroup start')], { cwd, env });
  await group.line(/ready: /);
  return group;
}

/** Runs a program that embeds the library, has it process one order, and stops it cleanly. */
async function expectEmbedded(args: readonly string[], cwd: string): Promise<void> {
  const redis = await redisOf();
  const program = run(process.execPath, args, cwd, redis.env);
  await program.says('ready');
  await redis.publish({ message_id: 'a1', price: 3, count: 2 });
  expect(await redis.processed(1)).toMatchObject([A1]);
  expect(await program.kill(), program.output()).toBe(0);
}

test('each example has a README, and a line in the list of all', () => {
  const list = textOf(EXAMPLES, 'README.md');
  const folders = readdirSync(EXAMPLES, { withFileTypes: true }).filter((one) => one.isDirectory());
  expect(folders.length).toBeGreaterThan(0);
  for (const { name } of folders) {
    expect(existsSync(join(EXAMPLES, name, 'README.md'))).toBe(true);
    expect(list).toContain(`[${name}](${name})`);
  }
});

describe('examples/module', () => {
  test('adds the total of an order; an order without a count becomes a dead letter at once', async () => {
    const redis = await redisOf();
    const group = await startAsIn('module', await projectOf('module'), redis.env);
    await redis.publish({ message_id: 'bad', price: 3 });
    await redis.publishAsIn('module');
    expect(await redis.processed(1)).toMatchObject([A1]);
    const list = cgroup(['dead', 'list', ...commandIn('module', 'npx cgroup dead list'), '--json'], {
      env: redis.env,
    });
    expect(await list.exit, list.stderr()).toEqual({ code: 0, signal: null });
    expect(JSON.parse(list.stdout())).toMatchObject([
      { message: '{"message_id":"bad","price":3}', error: 'the order has no count', attempts: 1 },
    ]);
    expect((await group.kill()).code).toBe(0);
  });
});

describe('examples/typescript', () => {
  test('compiles, and the handler works by the command, the program by the library', {
    timeout: 90_000, // tsc alone may take 30 s on a busy machine
  }, async () => {
    const folder = await projectOf('typescript');
    const tsc = run(join(ROOT, 'node_modules/.bin/tsc'), commandIn('typescript', 'npx tsc'), folder);
    expect(await tsc.exit, tsc.output()).toBe(0);

    const redis = await redisOf();
    const group = await startAsIn('typescript', folder, redis.env);
    await redis.publishAsIn('typescript');
    expect(await redis.processed(1)).toMatchObject([A1]);
    expect((await group.kill()).code).toBe(0);

    await expectEmbedded(commandIn('typescript', 'node'), folder);
  });
});

describe('examples/balances', () => {
  test.skipIf(lacksPostgres)(
    'adds a payment to its account; one that PostgreSQL refuses is a dead letter',
    async () => {
      const [redis, postgres] = [await redisOf(), await freshPostgres()];
      await postgres.sql(textOf(EXAMPLES, 'balances', 'accounts.sql'));
      const env = { ...redis.env, CGROUP_RECORD: postgres.url };
      const group = await startAsIn('balances', await projectOf('balances'), env);
      await redis.publish({ message_id: 'bad', account: 'anna', amount: 'much' });
      await redis.publish({ message_id: 'p0', account: 'anna', amount: 0.66 });
      await redis.publishAsIn('balances');
      await redis.processed(2);
      expect(await postgres.sql('SELECT account, balance::text FROM accounts')).toEqual([
        { account: 'anna', balance: '13.00' },
      ]);
      const list = cgroup(['dead', 'list', ...commandIn('balances', 'npx cgroup dead list'), '--json'], {
        env,
      });
      await list.exit;
      expect(JSON.parse(list.stdout())).toMatchObject([
        { reason: 'failed', error: expect.stringContaining('invalid input syntax for type numeric: "much"') },
      ]);
      expect((await group.kill()).code).toBe(0);
    },
  );
});

describe('examples/commonjs', () => {
  test('the handler works by the command', async () => {
    const redis = await redisOf();
    const group = await startAsIn('commonjs', await projectOf('commonjs'), redis.env);
    await redis.publishAsIn('commonjs');
    expect(await redis.processed(1)).toMatchObject([A1]);
    expect((await group.kill()).code).toBe(0);
  });

  test('the program works by the library, which it imports', async () => {
    await expectEmbedded(commandIn('commonjs', 'node'), await projectOf('commonjs'));
  });

  test.skipIf(!('require_module' in process.features))(
    'the program may require the library instead, on Node 20.19 and newer',
    async () => {
      const folder = await projectOf('commonjs');
      const program = textOf(folder, 'main.cjs');
      const requiring = program.replace("await import('cgroup')", "require('cgroup')");
      expect(requiring).not.toBe(program);
      writeFileSync(join(folder, 'main.cjs'), requiring);
      await expectEmbedded(commandIn('commonjs', 'node'), folder);
    },
  );
});

describe('examples/library', () => {
  test('prints events of the group, and stops cleanly on SIGTERM', async () => {
    const redis = await redisOf();
    const program = run(
      process.execPath,
      commandIn('library', 'node'),
      await projectOf('library'),
      redis.env,
    );
    await program.says('ready: ');
    await redis.publishAsIn('library');
    expect(await redis.processed(1)).toMatchObject([A1]);
    await program.says('settled: 1 processed');
    await redis.publish({ message_id: 'bad', price: 3 });
    await program.says('(now a dead letter)');
    await program.says(' 1 dead');
    expect(await program.kill(), program.output()).toBe(0);
    expect(program.output().split('\n')).toEqual([
      'leading: this process relays the channel',
      'ready: messages that are published now are processed',
      'settled: 1 processed, 0 to be tried again, 0 dead',
      expect.stringMatching(/^failure: \d+-\d+, attempt 1: the order has no count$/),
      'settled: 0 processed, 1 to be tried again, 0 dead',
      expect.stringMatching(/^failure: \d+-\d+, attempt 2: the order has no count \(now a dead letter\)$/),
      'settled: 0 processed, 0 to be tried again, 1 dead',
      'stopped',
      '',
    ]);
  });

  test('stops cleanly on SIGTERM while it starts', async () => {
    const folder = await projectOf('library');
    const redis = await redisOf();
    const program = run(process.execPath, commandIn('library', 'node'), folder, redis.env);
    await program.says('leading');
    expect(await program.kill(), program.output()).toBe(0);
    expect(program.output()).toMatch(/^stopped$/m);
  });
});

describe.each([
  ['exec-python', 'python3'],
  ['exec-shell', 'jq'],
  ['exec-node', 'node'],
])('examples/%s', (example, program) => {
  const missing = lacks(program);
  const skipped = missing ? `, skipped: ${missing}` : '';
  test.skipIf(missing)(
    `adds the total of an order; an order without a count becomes a dead letter at once${skipped}`,
    async () => {
      const redis = await redisOf();
      const group = await startAsIn(example, await projectOf(example), redis.env);
      await redis.publish({ message_id: 'bad', price: 3 });
      await redis.publishAsIn(example);
      expect(await redis.processed(1)).toMatchObject([A1]);
      for (let i = 0; i < 300; i++) await redis.publish({ message_id: `b${i}`, price: 2, count: i });
      const results = await redis.processed(301);
      expect(new Set(results.map(({ messageId }) => messageId)).size).toBe(301);
      const list = cgroup(['dead', 'list', ...commandIn(example, 'npx cgroup dead list'), '--json'], {
        env: redis.env,
      });
      expect(await list.exit, list.stderr()).toEqual({ code: 0, signal: null });
      expect(JSON.parse(list.stdout())).toMatchObject([
        { message: '{"message_id":"bad","price":3}', error: 'the order has no count', attempts: 1 },
      ]);
      expect((await group.kill()).code).toBe(0);
      // The dead letter is the only warning.
      expect(group.stderr().match(/"level":(40|50).*/g)).toEqual([
        expect.stringMatching(/the order has no count/),
      ]);
    },
  );
});

describe('examples/python-publisher', async () => {
  const { pythonWith } = (await import(new URL('../../config/packages.mjs', import.meta.url).href)) as {
    pythonWith(module: string): string | undefined;
  };
  const python = pythonWith('redis');
  const missing = python
    ? ''
    : ', skipped: no python3 on the PATH has the module redis (npm test installs it)';

  test.skipIf(missing)(`publishes messages, which have one result each${missing}`, async () => {
    const folder = await projectOf('python-publisher');
    const redis = await redisOf();
    const command = commandIn('python-publisher', 'python3');
    expect(command).toEqual(['publish.py', '2000']);

    const early = run(String(python), command, folder, redis.env);
    expect(await early.exit, early.output()).toBe(1);
    expect(early.output()).toBe('published 2000 messages, 2000 of them without a subscriber\n');

    const group = await startAsIn('python-publisher', folder, redis.env);
    const publisher = run(String(python), command, folder, redis.env);
    expect(await publisher.exit, publisher.output()).toBe(0);
    expect(publisher.output()).toBe('published 2000 messages, 0 of them without a subscriber\n');
    const results = await redis.processed(2000);
    expect(results).toHaveLength(2000);
    expect(new Set(results.map(({ messageId }) => messageId)).size).toBe(2000);
    for (const { messageId, data } of results)
      expect(data).toMatchObject({ message_id: messageId, price: 3, count: expect.any(Number) });
    expect((await group.kill()).code).toBe(0);
  });
});

/** The variables in the environment file of the service: the secrets, which the config file does not have. */
function variables(): Record<string, string> {
  const pairs = [...textOf(EXAMPLES, 'systemd', 'environment').matchAll(/^([A-Z_]+)=(.*)$/gm)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
}

const TOKEN = 'a-token-for-this-test';
const secrets = () => ({ ...variables(), CGROUP_HTTP_TOKEN: TOKEN });

const production = JSON.parse(textOf(EXAMPLES, 'production', 'consumer-group.config.json')) as Record<
  string,
  unknown
>;
const duration = (name: string) => parseDuration(String(production[name]));

describe('examples/http-service-python', () => {
  test('adds the total of an order; a restart of the service fails no attempt', {
    timeout: 60_000,
  }, async () => {
    const folder = await projectOf('http-service-python');
    const redis = await redisOf();
    const port = String(await freePort());
    const inReadme = (program: string) =>
      commandIn('http-service-python', program).map((word) => word.replace('8080', port));
    const start = async () => {
      const service = run('python3', inReadme('python3'), folder);
      await service.says('ready');
      return service;
    };
    const first = await start();
    const group = cgroup(['start', ...inReadme('npx cgroup start'), '--max-attempts', '1'], {
      env: redis.env,
    });
    await group.line(/ready: /);
    await redis.publish({ message_id: 'bad', price: 3 });
    await redis.publishAsIn('http-service-python');
    expect(await redis.processed(1)).toMatchObject([A1]);
    expect(await first.kill(), first.output()).toBe(0);
    await redis.publishAsIn('http-service-python');
    await group.line(/is away, and its messages are handed back/);
    const second = await start();
    expect(await redis.processed(2)).toMatchObject([A1, A1]);
    const list = cgroup(['dead', 'list', '--json'], { env: redis.env });
    expect((await list.exit).code, list.stderr()).toBe(0);
    expect(JSON.parse(list.stdout())).toMatchObject([
      { error: 'the service answered 422: the order has no count', attempts: 1 },
    ]);
    expect((await group.kill()).code).toBe(0);
    expect(await second.kill(), second.output()).toBe(0);
  });
});

describe('examples/production', () => {
  const args = ['start', ...commandIn('production', 'npx cgroup start')];

  test('the values of the file are in force, and secrets come from the environment', async () => {
    const cwd = await projectOf('production');
    const run = cgroup([...args, '--json'], { cwd, env: secrets() });
    expect(await run.exit, run.stderr()).toEqual({ code: 0, signal: null });
    const { $schema, processor, ...settings } = production;
    const printed = JSON.parse(run.stdout()) as Record<string, { value: unknown; from: string }>;
    for (const [name, value] of Object.entries(settings))
      expect(printed[name], name).toEqual({
        value,
        from: expect.stringContaining('consumer-group.config.json'),
      });
    expect(printed.processor?.value).toBe(join(cwd, String(processor)));
    expect(printed.redis).toEqual({ value: 'redis://cgroup:***@127.0.0.1:6379/0', from: 'REDIS_URL' });
    expect(printed.httpToken).toEqual({ value: '***', from: 'CGROUP_HTTP_TOKEN' });
  });

  test.each([
    ['without a token', {}, 'http beyond this machine needs httpToken'],
    ['with the token of the example', variables(), 'CGROUP_HTTP_TOKEN: must be a text of 16 or more'],
  ])('is refused %s', async (_, env, problem) => {
    const run = cgroup(args, { cwd: await projectOf('production'), env });
    expect(await run.exit).toEqual({ code: 2, signal: null });
    expect(run.stderr()).toContain(problem);
  });

  test('fits the schema that it names', async () => {
    const path = join(await projectOf('production'), String(production.$schema));
    const schema = z.fromJSONSchema(JSON.parse(textOf(path)) as Parameters<typeof z.fromJSONSchema>[0]);
    expect(schema.safeParse(production).error?.issues).toBeUndefined();
    expect(schema.safeParse({ ...production, sise: 3 }).success).toBe(false);
  });

  test('the README says why each setting is there, with its value', () => {
    const rows = textOf(EXAMPLES, 'production', 'README.md')
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    for (const name of ['channel', 'output', 'consumerList', 'group'])
      expect(rows.filter((row) => row.includes(`\`${name}\``))).toHaveLength(1);
    const { $schema, channel, output, consumerList, group, ...others } = production;
    for (const [name, value] of Object.entries(others)) {
      const row = rows.find((row) => row.split('|')[1]?.includes(`\`${name}\``));
      expect(row?.split('|')[2]?.replaceAll('`', '').trim().split(', '), name).toContain(String(value));
    }
  });

  test('an attempt that runs at a stop has time to finish', () => {
    expect(duration('shutdownTimeout') * 0.7).toBeGreaterThan(duration('timeout'));
  });
});

describe('examples/systemd', () => {
  const UNIT = textOf(EXAMPLES, 'systemd', 'cgroup.service');
  const WORKING_DIRECTORY = '/srv/cgroup';

  /** The values of a key of the unit, in its order. */
  const valuesOf = (key: string) =>
    [...UNIT.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => value);

  test('is a unit with sections, keys and comments, and nothing else', () => {
    for (const line of UNIT.split('\n'))
      expect(line).toMatch(/^(#.*|\[(Unit|Service|Install)\]|[A-Z]\w+=.+|)$/);
    expect(UNIT.match(/^\[\w+\]$/gm)).toEqual(['[Unit]', '[Service]', '[Install]']);
  });

  test('runs as a user of its own, starts again after a failure, and stops by SIGTERM to the main process', () => {
    expect(valuesOf('User')).toEqual(['cgroup']);
    expect(valuesOf('Restart')).toEqual(['on-failure']);
    expect(valuesOf('RestartPreventExitStatus')).toEqual(['2']);
    expect(valuesOf('KillMode')).toEqual(['mixed']);
    expect(valuesOf('WorkingDirectory')).toEqual([WORKING_DIRECTORY]);
    expect(valuesOf('EnvironmentFile')).toEqual(['/etc/cgroup/environment']);
  });

  test('systemd waits longer for a stop than a stop takes', () => {
    const wait = parseDuration(String(valuesOf('TimeoutStopSec')[0]));
    expect(wait).toBeGreaterThan(duration('shutdownTimeout') + 5_000);
  });

  const missing = lacks('systemd-analyze');
  test.skipIf(missing)(
    `systemd-analyze finds nothing wrong${missing ? `, skipped: ${missing}` : ''}`,
    async () => {
      const folder = await projectOf('systemd');
      // It checks that the program exists, and on this machine node may be elsewhere.
      const unit = UNIT.replaceAll('/usr/bin/node', process.execPath).replaceAll(WORKING_DIRECTORY, folder);
      const verify = (text: string) => {
        const path = join(folder, 'cgroup.service');
        writeFileSync(path, text);
        const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', path], {
          encoding: 'utf8',
        });
        // Faults of other units of this machine do not count.
        return { status, faults: `${stdout}${stderr}`.split('\n').filter((line) => line.includes('cgroup')) };
      };
      expect(verify(unit)).toEqual({ status: 0, faults: [] });
      expect(verify(unit.replace('KillMode=', 'KilMode=')).faults).toEqual([
        expect.stringContaining('KilMode'),
      ]);
    },
  );

  test('its command runs the config file for production with the secrets, and a SIGTERM ends it cleanly', async () => {
    const folder = await projectOf('production', 'module', 'systemd');
    const redis = await redisOf();
    const [program, ...args] = String(valuesOf('ExecStart')[0]).split(' ');
    expect(program).toBe('/usr/bin/node');
    const env = { ...secrets(), ...redis.env, CGROUP_HTTP: '127.0.0.1:0' };
    const service = run(process.execPath, args, folder, env);
    await service.says('ready: 4 consumers');
    await redis.publishAsIn('module');
    expect(await redis.processed(1)).toMatchObject([A1]);
    expect(await service.kill(), service.output()).toBe(0);
  });
});

/** The packages with the schemas of what is no part of Kubernetes itself. */
const MODELS: Readonly<Record<string, string>> = {
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

describe('examples/kubernetes', () => {
  interface Variable {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
  }
  interface Probe {
    readonly httpGet: { readonly path: string; readonly port: string };
  }
  interface Deployment {
    readonly metadata: { readonly name: string };
    readonly spec: {
      readonly selector: { readonly matchLabels: object };
      readonly template: {
        readonly metadata: { readonly labels: object };
        readonly spec: {
          readonly terminationGracePeriodSeconds: number;
          readonly containers: readonly {
            readonly args: readonly string[];
            readonly env: readonly Variable[];
            readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
            readonly livenessProbe: Probe;
            readonly readinessProbe: Probe;
          }[];
        };
      };
    };
  }
  interface ScaledObject {
    readonly apiVersion: string;
    readonly kind: string;
    readonly spec: {
      readonly scaleTargetRef: { readonly name: string };
      readonly minReplicaCount: number;
      readonly triggers: readonly {
        readonly type: string;
        readonly metricType: string;
        readonly metadata: Readonly<Record<string, string>>;
      }[];
    };
  }
  const deployment = parse(textOf(EXAMPLES, 'kubernetes', 'deployment.yaml')) as Deployment;
  const scaled = parse(textOf(EXAMPLES, 'kubernetes', 'scaledobject.yaml')) as ScaledObject;
  const pod = deployment.spec.template.spec;
  const [container] = pod.containers;
  if (!container) throw new Error('deployment.yaml has no container');
  const variable = (name: string) => container.env.find((one) => one.name === name)?.value;

  test('KEDA makes as many pods as the capacity of one needs, by a metric that is served', () => {
    expect([scaled.apiVersion, scaled.kind]).toEqual(['keda.sh/v1alpha1', 'ScaledObject']);
    expect(scaled.spec.scaleTargetRef.name).toBe(deployment.metadata.name);
    expect(scaled.spec.minReplicaCount).toBe(2);
    expect(deployment.spec).not.toHaveProperty('replicas');
    const [trigger, ...others] = scaled.spec.triggers;
    expect(others).toEqual([]);
    expect(trigger).toMatchObject({ type: 'prometheus', metricType: 'AverageValue' });
    // KEDA takes texts only.
    for (const value of Object.values(trigger?.metadata ?? {})) expect(value).toBeTypeOf('string');
    // Kubernetes starts no pod for up to 10 % more than the threshold per pod: they must find room in those that run.
    const threshold = Number(trigger?.metadata.threshold);
    expect(threshold).toBeGreaterThan(0);
    expect(threshold * 1.1).toBeLessThanOrEqual(Number(variable('CGROUP_CAPACITY')));
    const names = metricDefinitions.map(({ name }) => name);
    expect(metricsIn(String(trigger?.metadata.query))).toEqual(['cgroup_desired_consumers']);
    expect(names).toContain('cgroup_desired_consumers');
  });

  test('a pod is known by its node, can be probed, and has time to stop', () => {
    expect(deployment.spec.selector.matchLabels).toEqual(deployment.spec.template.metadata.labels);
    const host = container.env.find(({ name }) => name === 'CGROUP_HOST');
    expect(host?.valueFrom?.fieldRef?.fieldPath).toBe('spec.nodeName');
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    expect(container.ports).toEqual([{ name: 'http', containerPort: 9464 }]);
    const stop = parseDuration(String(variable('CGROUP_SHUTDOWN_TIMEOUT')));
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(stop + 5_000);
  });

  test('each file fits the schema of its kind, without a name that the schema does not know', async () => {
    const folder = await emptyFolder();
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const files = readdirSync(join(EXAMPLES, 'kubernetes')).filter((name) => name.endsWith('.yaml'));
    const kinds: string[] = [];
    let program = '';
    for (const name of files) {
      const one = parse(textOf(EXAMPLES, 'kubernetes', name)) as { apiVersion: string; kind: string };
      const { apiVersion, kind } = one;
      kinds.push(kind);
      const [group = '', version] = apiVersion.split('/');
      const module =
        version === undefined
          ? `kubernetes-models/${group}/${kind}`
          : `${MODELS[group] ?? 'kubernetes-models'}/${group}/${version}/${kind}`;
      const models = (await import(module)) as Record<string, new (data: object) => { validate(): void }>;
      const Model = models[kind];
      if (!Model) throw new Error(`${module} has no ${kind}`);
      expect(() => new Model(one).validate(), name).not.toThrow();
      // The schemas let other names pass. Their types do not.
      program += `import type { I${kind} } from '${module}';\nexport const a${kind}: I${kind} = ${JSON.stringify(one)};\n`;
    }
    expect(kinds.sort()).toEqual([
      'Deployment',
      'PodDisruptionBudget',
      'ScaledObject',
      'Service',
      'ServiceMonitor',
    ]);
    const faultsIn = (text: string) => {
      writeFileSync(join(folder, 'all.ts'), text);
      const flags = [
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        '--module',
        'esnext',
        '--moduleResolution',
        'bundler',
      ];
      const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
      return spawnSync(process.execPath, [tsc, ...flags, 'all.ts'], { cwd: folder, encoding: 'utf8' }).stdout;
    };
    expect(faultsIn(program)).toBe('');
    expect(faultsIn(program.replace('"livenessProbe"', '"livelinessProbe"'))).toContain('livelinessProbe');
  });

  test('what selects pods or a port by name finds those of the deployment', () => {
    const fileOf = (name: string) =>
      parse(textOf(EXAMPLES, 'kubernetes', name)) as { spec: Record<string, unknown> };
    const { labels } = deployment.spec.template.metadata;
    const service = fileOf('service.yaml') as unknown as {
      metadata: { labels: object };
      spec: { selector: object };
    };
    expect(service.spec.selector).toEqual(labels);
    expect(service.spec).toMatchObject({ ports: [{ name: 'http', port: 9464, targetPort: 'http' }] });
    expect(fileOf('poddisruptionbudget.yaml').spec).toEqual({
      maxUnavailable: 1,
      selector: { matchLabels: labels },
    });
    const monitor = fileOf('servicemonitor.yaml').spec;
    expect(monitor.selector).toEqual({ matchLabels: service.metadata.labels });
    expect(monitor.endpoints).toMatchObject([{ port: 'http', path: '/metrics' }]);
  });

  test('its arguments and variables are settings of cgroup', async () => {
    const { args } = container;
    const given: Record<string, string> = {
      CGROUP_HOST: 'node-7',
      CGROUP_HTTP_TOKEN: 'a-token-for-this-test',
      REDIS_URL: 'redis://127.0.0.1:6379',
    };
    const env = Object.fromEntries(
      container.env.map(({ name, value }) => [name, value ?? given[name] ?? `no value for ${name}`]),
    );
    const run = cgroup([...args, '--print-config', '--json'], { cwd: await projectOf('module'), env });
    expect(await run.exit, run.stderr()).toEqual({ code: 0, signal: null });
    const printed = JSON.parse(run.stdout()) as Record<string, { value: unknown }>;
    const values = Object.fromEntries(
      ['managed', 'capacity', 'host', 'http'].map((name) => [name, printed[name]?.value]),
    );
    expect(values).toEqual({ managed: true, capacity: 10, host: 'node-7', http: '0.0.0.0:9464' });
  });
});
