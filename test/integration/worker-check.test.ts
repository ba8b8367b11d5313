import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type CheckOptions, checkWorker } from '../../src/conformance/check.js';
import type { ConformanceReport } from '../../src/conformance/report.js';
import { cgroup } from '../helpers/cli.js';

const LINES = fileURLToPath(new URL('workers/lines.mjs', import.meta.url));

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const check = (target: string, more: Partial<CheckOptions> = {}) =>
  checkWorker({ target, message: undefined, failing: undefined, within: 4_000, ...more });
const program = (fault: string) => check(`exec:node '${LINES}' '${fault}'`, { failing: '{"fail":true}' });

/** `check: what` of each finding that is wrong. */
function wrongOf({ findings, ok }: ConformanceReport): string[] {
  const wrong = findings.filter(({ status }) => status === 'wrong');
  expect(ok).toBe(wrong.length === 0);
  for (const { why, advice } of wrong) expect(`${why} ${advice}`).toMatch(/\w{3}.* .*\w{3}/);
  return wrong.map((finding) => `${finding.check}: ${finding.what}`);
}

describe('a program that is right passes', () => {
  test.each(['good', 'hello', 'null', 'complains'])('%s', async (fault) => {
    expect(wrongOf(await program(fault))).toEqual([]);
  });

  test('one that fails each message is a note, and wrong if the user named the message', async () => {
    const target = `exec:node '${LINES}' fails`;
    const { findings, ok } = await check(target);
    expect(findings[0]).toMatchObject({ status: 'note', what: expect.stringContaining('no such order') });
    expect(ok).toBe(true);
    expect(wrongOf(await check(target, { message: '{"order":1}' }))).toEqual([
      'a message: it answers with an error: no such order',
    ]);
  });

  test('rounded numbers are a note', async () => {
    const { findings } = await program('good');
    expect(findings.find((one) => one.check === 'many digits')).toMatchObject({
      status: 'note',
      what: expect.stringContaining('comes back as 12345678901234567000'),
    });
  });
});

describe('a program that is wrong is found', () => {
  test.each([
    ['prints', [/^only the protocol: this is not JSON: .*; it was: worker is ready \(\d+ times\)$/]],
    ['silent', [/^a message: a message: no answer came within 4000 ms$/]],
    ['exits', [/^a message: a message: the program ended with exit code 3$/]],
    ['twice', [/^one answer each: two answers to the delivery check\/\d+ \(\d+ times\)$/]],
    ['late twice', [/^one answer each: two answers to the delivery/]],
    ['wrong id', [/^a message: /, /^ids: an answer with the id "check\/\d+0", which was never given$/]],
    ['number id', [/^a message: /, /^ids: an answer with the id "\d+", which was never given$/]],
    ['wrong hello', [/^other messages: hello: "params.concurrency" must be at least 1, got 0; it was: /]],
    [
      'credit',
      [/^many at once: of 5 deliveries at once only 1 have an answer: no answer came within 4000 ms$/],
    ],
    ['latin1', [/^any text: letters of other languages come back changed$/]],
    ['no buffer', [/^a large message: /, /^a line in parts: /]],
    ['short lines', [/^a large message: /]],
    ['strict', [/^unknown members: .* exit code 1; the last line of its stderr: Node/]],
    ['breaks at cancel', [/^cancel: after a cancelled delivery: /, /^cancel of another: /]],
    [
      'dies of lines',
      [/^a line without JSON: after lines that are no messages: the program ended with exit code 1/],
    ],
    ['crashes', [/^unknown notification: after an unknown notification: /, /^unknown request: /]],
    ['takes all requests', [/^unknown request: it answers an unknown request with a result$/]],
    ['stops at quiet', [/^quiet: after "quiet": no answer/]],
    ['stays', [/^end of stdin: it still runs 5000 ms after its stdin has ended$/]],
  ])('%s', async (fault, expected) => {
    const found = wrongOf(await program(fault));
    expect(found, found.join('\n')).toHaveLength(expected.length);
    for (const [i, pattern] of expected.entries()) expect(found[i]).toMatch(pattern);
  });
});
