import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { blocksOf, page, pages } from '../helpers/docs.js';
import { groupOn } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const redis = withRedis();
const typed = pages().flatMap((one) => blocksOf(one).filter(({ language }) => language === 'ts'));

/** A project that has the package, as its users do. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cgroup-examples-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'cgroup'));
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true, "type": "module" }');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The example as it would be in a file of the project. */
function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('the TypeScript in the documents compiles, each block alone', async () => {
  expect(typed.length).toBeGreaterThan(4);
  const files = typed.map(({ page: from, line, text }) => {
    const name = `${from.replaceAll(/\W/g, '-')}-${line}.mts`;
    written(name, text);
    return name;
  });
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
  const roots = ['--typeRoots', join(ROOT, 'node_modules', '@types')];
  const { stdout } = await promisify(execFile)(tsc, [...flags, ...roots, ...files], { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
}, 120_000);

test('the library example of the README runs, processes, prints the status and stops', async () => {
  const group = await groupOn(redis.url);
  const [example] = blocksOf(page('README.md')).filter(({ language }) => language === 'ts');
  const { output, channel, consumerList } = group.space;
  const names = `output: '${output}', channel: '${channel}', consumerList: '${consumerList}'`;
  const source = (example?.text ?? '')
    .replace(/'redis:\/\/[^']+'/, `'${redis.url}', ${names}`)
    .replace(/(?=console\.log\()/, 'await new Promise((go) => process.stdin.once("data", go));\n');
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const child = spawn(process.execPath, [written('readme.mjs', outputText)], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  await until(async () => {
    if (child.exitCode !== null) throw new Error(stderr);
    return (await group.listed()).length === 5;
  });
  await group.publish(['a', 'b']);
  await group.raw.publish(channel, 'oops');
  await group.settled(3);
  child.stdin.end('go\n');
  expect(await ended, stderr).toBe(0);
  expect((await group.outputs()).map(({ data }) => data.seen)).toEqual([true, true]);
  expect(stderr).toMatch(/^\S+ invalid-json true$/m);
  expect(stdout).toContain(`output: '${output}'`);
  expect(await group.listed()).toEqual([]);
});

describe('the JavaScript in the documents', () => {
  const scripts = pages().flatMap((one) => blocksOf(one).filter(({ language }) => language === 'js'));

  test.each(scripts)('can be parsed: $page, line $line', async ({ text }) => {
    await promisify(execFile)(process.execPath, ['--check', written('script.mjs', text)]);
  });

  test('the processor with a web service returns, fails and gives up', async () => {
    const [example] = blocksOf(page('docs/processors.md')).filter(({ language }) => language === 'js');
    const server = createServer((request, response) => {
      response.statusCode = Number(request.url?.split('/').at(-1));
      response.end('{"total":3}');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await until(() => server.listening);
    const { port } = server.address() as AddressInfo;
    const text = (example?.text ?? '').replace('https://example.com', `http://127.0.0.1:${port}`);
    const module = pathToFileURL(written('handler.mjs', text)).href;
    const { default: handle } = (await import(/* @vite-ignore */ module)) as {
      default: (message: object, context: object) => Promise<unknown>;
    };
    const context = {
      signal: new AbortController().signal,
      deadLetter: (reason: string) => {
        throw new Error(`given up: ${reason}`);
      },
    };
    expect(await handle({ message_id: 200 }, context)).toEqual({ message_id: 200, order: { total: 3 } });
    await expect(handle({ message_id: 404 }, context)).rejects.toThrow('given up: no such order');
    await expect(handle({ message_id: 503 }, context)).rejects.toThrow('status 503');
  });
});
