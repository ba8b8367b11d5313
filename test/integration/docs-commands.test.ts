import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type Block, blocksOf, commandsOf, inlineCodeOf, pages } from '../helpers/docs.js';
import { Stage } from '../helpers/docs-stage.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** ms that the commands of a block may take. */
const LONGEST = 180_000;

const all = pages();
const blocks = all.flatMap(blocksOf);
const shell = blocks.filter(({ language }) => language === 'sh');

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};

type Check = (stage: Stage, command: string, ...words: string[]) => unknown;

/** How to test a command of the documents: the first rule that matches. A command without a rule fails. */
const RULES: readonly (readonly [RegExp, Check])[] = [
  [
    /^export (\w+)=(.+)$/,
    async (stage, _, name = '', value) => stage.set(name, await stage.run(`printf %s ${value}`)),
  ],
  // The transcript below runs the demo, and so does demo.test.ts.
  [/^(?:npx )?(cgroup demo.*)$/, (stage, _, command = '') => flagsExist(stage, command)],
  // No dead letter stops an order on the stage; halts-processes.test.ts skips some.
  [/^(?:npx )?(cgroup dead skip \d.*)$/, (stage, _, command = '') => flagsExist(stage, command)],
  // There is no PostgreSQL on the stage; record-group.test.ts has one.
  [
    /^(?:npx )?(cgroup start .*--record postgres:.*)$/,
    (stage, _, command = '') => flagsExist(stage, command),
  ],
  // Sentinels, a Cluster and TLS are not on the stage; sentinel.test.ts, cluster.test.ts and tls.test.ts have them.
  [
    /^(?:npx )?(cgroup start .*(?:redis-sentinel:|rediss:|node-a).*)$/,
    (stage, _, command = '') => flagsExist(stage, command),
  ],
  // There is no service or worker to check, and no other host, on the stage.
  [
    /^(?:npx )?(cgroup worker (?:--check (?:https?|wss?):|.*wss?:\/\/(?!127\.)).*)$/,
    (stage, _, command = '') => flagsExist(stage, command),
  ],
  [
    /^(npx )?cgroup (start|monitor|worker|peek --follow)\b(?!.*--(print-config|check))/,
    (stage, command) => stage.start(command),
  ],
  [/^(npx )?cgroup /, (stage, command) => stage.run(command)],
  [/^curl /, async (stage, command) => expect(answerOf(await stage.run(`${command} --silent`))).toBe('well')],
  [/^redis-cli /, (stage, command) => stage.run(command.replace('redis-cli', 'redis-cli -u "$REDIS_URL"'))],
  // Commands that install, build or measure do not run here: they take minutes and change the machine.
  [/^npm ci$/, () => expect(existsSync(join(ROOT, 'package-lock.json'))).toBe(true)],
  [/^npm pack$/, () => expect(existsSync(join(ROOT, 'bin'))).toBe(true)], // package.test.ts runs it
  [/^npm install \.\/cgroup-[\d.]+\.tgz$/, () => {}], // package.test.ts does; docs.test.ts checks the version
  [/^npm test$/, () => expect(scripts).toHaveProperty('test')],
  [/^npm run (\S+)$/, (_, __, script = '') => expect(scripts).toHaveProperty(script)],
  [/^npm run (bench|chaos) -- (.+)$/, (_, __, script = '', flags = '') => optionsAreRight(script, flags)],
  [
    /^(?:\w+=\S+ )?npx vitest run (.+)$/,
    (_, __, args = '') => {
      for (const word of args.split(' ').filter((one) => one.startsWith('test/')))
        expect(existsSync(join(ROOT, word))).toBe(true);
      const config = readFileSync(join(ROOT, 'vitest.config.ts'), 'utf8');
      for (const [, project] of args.matchAll(/--project (\S+)/g))
        expect(config).toContain(`name: '${project}'`);
    },
  ],
  [
    /^docker compose -f (\S+) up$/,
    (_, __, file = '') => expect(parse(readFileSync(join(ROOT, file), 'utf8'))).toHaveProperty('services'),
  ],
  // image.test.ts builds it and runs it.
  [/^docker build -t cgroup \.$/, () => expect(existsSync(join(ROOT, 'Dockerfile'))).toBe(true)],
  [/^docker run --rm (cgroup .+)$/, (stage, _, command = '') => flagsExist(stage, command)],
  [/^\.ci\/run$/, () => accessSync(join(ROOT, '.ci/run'), constants.X_OK)],
];

/** `well`, or what is wrong: the error of the server, or `not ready`. */
function answerOf(json: string): string {
  const { error, ready } = JSON.parse(json) as { error?: string; ready?: boolean };
  return error ?? (ready === false ? 'not ready' : 'well');
}

async function optionsAreRight(script: string, flags: string): Promise<void> {
  if (flags === '--help') return;
  const load = async (path: string) =>
    (await import(new URL(path, import.meta.url).href)) as Record<string, (...from: unknown[]) => unknown>;
  const { readOptions } = await load(`../${script}/options.js`);
  const options = readOptions?.(flags.split(' ')) as { faults: unknown; on: unknown };
  if (script === 'chaos') (await load('../chaos/faults/index.js')).chooseFaults?.(options.faults, options.on);
}

/** The output of `cgroup NAME --help`; each runs once. */
function helpOf(stage: Stage, name: string): Promise<string> {
  const help = helps.get(name) ?? stage.run(`cgroup ${name} --help`);
  helps.set(name, help);
  return help;
}
const helps = new Map<string, Promise<string>>();

/** Expects that the command exists and that its help lists all its flags. */
async function flagsExist(stage: Stage, command: string): Promise<void> {
  const [, words = '', rest = ''] = /^cgroup((?: [a-z]+(?= |$)){0,2})(.*)$/.exec(command) ?? [];
  const [name = '', sub = ''] = words.trim().split(' ');
  const isListed = (word: string) => new RegExp(`^  ${word}\\b`, 'm');
  expect(await helpOf(stage, ''), command).toMatch(isListed(name));
  const outer = await helpOf(stage, name);
  const hasInner = /^Commands:/m.test(outer);
  // Without inner commands, the word is one of the choices of an argument.
  if (sub) expect(outer, command).toMatch(hasInner ? isListed(sub) : new RegExp(`"${sub}"`));
  const help = sub && hasInner ? await helpOf(stage, `${name} ${sub}`) : outer;
  for (const [, flag] of rest.matchAll(/ (--?[a-z][a-z-]*)/g))
    expect(help, command).toMatch(new RegExp(`(^|[ ,])${flag}[ ,\n]`, 'm'));
}

/** One stage for all commands of a page: they build on each other. */
function onStage(): () => Stage {
  let stage: Stage | undefined;
  beforeAll(async () => {
    stage = await Stage.open();
  });
  afterAll(() => stage?.close());
  return () => {
    if (!stage) throw new Error('the stage is there from beforeAll to afterAll only');
    return stage;
  };
}

describe.each([...new Set(shell.map(({ page }) => page))])('%s', (page) => {
  const stage = onStage();
  it.each(shell.filter((block) => block.page === page))(
    'the commands at line $line work',
    async (block) => {
      try {
        for (const command of commandsOf(block)) await test(command);
      } finally {
        await stage().endStarted();
      }
    },
    LONGEST,
  );

  async function test(command: string): Promise<void> {
    for (const [pattern, check] of RULES) {
      const match = pattern.exec(command);
      if (!match) continue;
      await check(stage(), command, ...match.slice(1));
      return;
    }
    throw new Error(`no rule says how to test this command: ${command}`);
  }
});

describe('output shown in the documents', () => {
  const stage = onStage();

  it(
    'is that of cgroup demo',
    async () => {
      const [block] = transcriptsOf('cgroup demo');
      const printed = linesOf(await stage().run('cgroup demo')).filter(
        (line) => !/^Now your turn|^\(or with|^ {2}npx/.test(line),
      );
      expect(linesOf(block?.text ?? '').slice(1)).toEqual(printed);
    },
    LONGEST,
  );

  it('has the checks of cgroup doctor', async () => {
    const checksOf = (text: string) =>
      [...text.matchAll(/^(?:ok|note|FAIL) +(.+?) {2,}/gm)].map(([, check]) => check);
    const [block] = transcriptsOf('cgroup doctor');
    expect(checksOf(block?.text ?? '')).toEqual(checksOf(await stage().run('cgroup doctor')));
  });

  it('has the parts of cgroup top', async () => {
    const [block] = transcriptsOf('cgroup top');
    const shown = await stage().run('cgroup top # 1795251095809-0');
    // The last line, with the keys, is on a screen only.
    const screen = (block?.text ?? '').replace(/^.*\? help$/m, '');
    const parts = [...screen.matchAll(/^([a-z]+(?: [a-z]+)?)(?= {2,}| \()/gm)].map(([, part]) => part);
    expect(parts.length).toBeGreaterThan(5);
    for (const part of parts) expect(shown).toMatch(new RegExp(`^${part}\\b`, 'm'));
  });

  it('has lines of the form of cgroup monitor', async () => {
    const [line = ''] = (await stage().start('cgroup monitor --interval 100ms')).split('\n');
    await stage().endStarted();
    const lines = blocks.flatMap(({ text }) =>
      text.split('\n').filter((one) => one.includes(' msg/s total=')),
    );
    expect(lines.length).toBeGreaterThan(5);
    for (const one of lines) expect(shapeOf(one)).toBe(shapeOf(line));
  });

  it('is tested: there is no other transcript', () => {
    const tested = ['cgroup demo', 'cgroup doctor', 'cgroup top'];
    const transcripts = blocks.filter(({ text }) => text.startsWith('$ '));
    expect(transcripts.map(({ text }) => text.split('\n')[0]?.slice(2)).sort()).toEqual(tested);
  });
});

function transcriptsOf(command: string): Block[] {
  return blocks.filter(({ text }) => text.startsWith(`$ ${command}\n`));
}

/** The shapes of the lines, without monitor lines: their number depends on time. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !/ msg\/s total/.test(line))
    .map(shapeOf);
}

/** A line with placeholders for its numbers, times and consumer ids. */
function shapeOf(line: string): string {
  return line
    .replaceAll(/[\w.-]+-\d+-[0-9a-f]{6}-\d+/g, 'ID')
    .replaceAll(/\d[\d.]*/g, 'N')
    .replaceAll(/ {2,}/g, '  ');
}

describe('code within the text', () => {
  const stage = onStage();
  const codes = all.flatMap((page) => inlineCodeOf(page));

  it(
    'names commands that exist, with their flags',
    async () => {
      const commands = [...new Set(codes)]
        .map((code) => code.replace(/^npx /, ''))
        .filter((code) => /^cgroup [a-z]/.test(code));
      expect(commands.length).toBeGreaterThan(10);
      for (const command of commands) await flagsExist(stage(), command);
    },
    LONGEST,
  );

  it('names npm scripts that exist', () => {
    for (const code of codes)
      for (const [, script = ''] of code.matchAll(/npm run ([a-z]+)/g))
        expect(scripts).toHaveProperty(script);
  });

  it(
    'names flags that some command has',
    async () => {
      const names = [
        'start',
        'publish',
        'monitor',
        'top',
        'verify',
        'peek',
        'doctor',
        'dead list',
        'dead purge',
        'dead retry',
        'scale',
        'drain',
        'events',
        'worker',
      ];
      const texts = await Promise.all(names.map((name) => helpOf(stage(), name)));
      for (const name of ['bench', 'chaos'])
        texts.push(readFileSync(join(ROOT, `test/${name}/options.js`), 'utf8'));
      const flags = new Set(codes.map((code) => /^--[a-z][a-z-]*/.exec(code)?.[0] ?? '--help'));
      expect(flags.size).toBeGreaterThan(10);
      for (const flag of flags) expect(texts.join('\n'), flag).toMatch(new RegExp(`[ ']${flag}[' ,\n]`));
    },
    LONGEST,
  );
});
