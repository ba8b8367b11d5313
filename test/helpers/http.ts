import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { CliRun } from './cli.js';

/** The flags that make a process serve HTTP on a free port. */
export const SERVING = ['--http', '0'];

/** Waits until a process serves HTTP; returns its URL, `http://127.0.0.1:PORT`. */
export async function addressOf(run: CliRun): Promise<string> {
  const [, url] = await run.line(/"http":"(http:\/\/[^"]+)\/"/);
  return String(url);
}

/** False if the program is on the PATH, else the reason to skip a test that needs it. */
export function lacks(program: string): string | false {
  const there = spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', program]).status === 0;
  return there ? false : `${program} is not on the PATH (npm test asks the package manager for it)`;
}

/** A new empty folder, removed when the test has ended. */
export async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address ? address.port : 0;
}

/** Runs a program until the test has ended; the returned function gives its output so far. */
export function runBeside(program: string, args: readonly string[], cwd: string): () => string {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const ended = new Promise<void>((done) => {
    child.once('close', () => done());
    child.once('error', () => done());
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return () => said;
}
