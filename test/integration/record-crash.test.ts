import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { lacksPostgres } from '../helpers/postgres.js';

const LONG = fileURLToPath(new URL('../record/long.js', import.meta.url));

test.skipIf(lacksPostgres)(
  'through kills of processes, PostgreSQL and Redis each message has one row, and the balances are exact',
  { timeout: 240_000 },
  async () => {
    // At most 1,200 messages a second, so that each fault happens before all are processed.
    const args = [LONG, '--messages', '20000', '--simulate-ms', '40', '--concurrency', '4'];
    const run = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    onTestFinished(() => void run.kill('SIGKILL'));
    let output = '';
    for (const stream of [run.stdout, run.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const code = await new Promise((done) => run.once('close', done));
    expect(code, output).toBe(0);
    expect(output).toMatch(/^rows: 20000$/m);
  },
);
