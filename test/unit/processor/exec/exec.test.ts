import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest';
import { checkProgram, parseCommand } from '../../../../src/processor/exec/command.js';
import { FloodGate } from '../../../../src/processor/exec/flood-gate.js';
import { LineSplitter } from '../../../../src/processor/exec/line-splitter.js';
import { StderrLines } from '../../../../src/processor/exec/stderr-lines.js';

describe('a command', () => {
  test.each([
    ['python3 my.py --fast', ['python3', 'my.py', '--fast']],
    [`node 'my file.js' "a \\"b\\"" c\\ d ''`, ['node', 'my file.js', 'a "b"', 'c d', '']],
    [`sh -c 'echo "$HOME" | wc > x; y* #z'`, ['sh', '-c', 'echo "$HOME" | wc > x; y* #z']],
    ['  ./run  ', ['./run']],
  ])('%s is split as a shell does', (text, words) => {
    expect(parseCommand(text)).toEqual(words);
  });

  test.each([
    ['python3 my.py | tee log', '|'],
    ['python3 my.py && echo', '&&'],
    ['python3 my.py > log', '>'],
    ['python3 my.py &', '&'],
    ['python3 $HOME/my.py', '$'],
    ['python3 "$HOME/my.py"', '$'],
    ['python3 my.py $', '$'],
    ['python3 *.py', '*'],
    ['python3 my.py # mine', '#'],
    ['(python3 my.py)', '('],
    [`python3 my.py 'a`, 'an open quote'],
    [`python3 "my.py \\"`, 'an open quote'],
  ])('%s is refused: it needs a shell', (text, what) => {
    expect(() => parseCommand(text)).toThrow(
      expect.objectContaining({ code: 'PROCESSOR', message: expect.stringContaining(`so ${what}`) }),
    );
    expect(() => parseCommand(text)).toThrow("exec:sh -c '…'");
  });

  it('without words is refused', () => {
    for (const text of ['', '   ', "''"]) expect(() => parseCommand(text)).toThrow('exec: needs a command');
  });
});

describe('the program of a command', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-exec-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  for (const one of [first, second]) mkdirSync(one);
  const file = (path: string, mode: number) => {
    writeFileSync(path, '');
    chmodSync(path, mode);
  };
  file(join(first, 'both'), 0o644);
  file(join(second, 'both'), 0o755);
  file(join(second, 'text.py'), 0o644);
  mkdirSync(join(first, 'folder'));
  const path = `${first}:${second}`;

  it('is found on the PATH, or by its path', async () => {
    await checkProgram(['both'], path);
    await checkProgram([join(second, 'both')], '');
  });

  test.each([
    ['text.py', /second\/text.py is not executable.*exec:python3 text.py/],
    ['folder', /no program folder on the PATH.*exec:.\/folder/],
    ['nothing', /no program nothing on the PATH/],
    [join(first, 'nothing'), /no program at .*first\/nothing/],
    [join(first, 'both'), /first\/both is not executable/],
  ])('%s is refused', async (program, message) => {
    await expect(checkProgram([program], path)).rejects.toThrow(
      expect.objectContaining({ code: 'PROCESSOR', message: expect.stringMatching(message) }),
    );
  });
});

describe('the lines of a child', () => {
  /** What comes out if the bytes come in chunks of these sizes, again and again. */
  function split(bytes: Buffer, sizes: readonly number[], limit = 1_000_000) {
    const lines: (string | Buffer)[] = [];
    const splitter = new LineSplitter(
      limit,
      (line) => lines.push(line),
      (line) => lines.push(Buffer.from(line)),
    );
    let intact = true;
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = sizes[i % sizes.length] ?? 1;
      // As a stream does: the memory may be used again.
      const chunk = Buffer.from(bytes.subarray(at, at + size));
      intact = splitter.push(chunk);
      if (!intact) break;
      chunk.fill(0);
      at += size;
    }
    return { lines, intact };
  }

  it('come out whole, however they are cut', () => {
    const line = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant(''), fc.constant('x'.repeat(300)));
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(line), fc.string(), sizes, (texts, rest, chunks) => {
        const lines = texts.map((text) => text.replaceAll('\n', ' '));
        const bytes = Buffer.from([...lines.map((one) => `${one}\n`), rest.replaceAll('\n', '')].join(''));
        expect(split(bytes, chunks).lines).toEqual(lines);
      }),
    );
  });

  it('that are not UTF-8 are told from the others', () => {
    const bytes = Buffer.concat([
      Buffer.from('é\n'),
      Buffer.from([0xff, 0x00, 10]),
      Buffer.from('{}\n'),
      Buffer.from([0xc3, 10]),
    ]);
    for (const sizes of [[1], [3], [100]])
      expect(split(bytes, sizes).lines).toEqual(['é', Buffer.from([0xff, 0x00]), '{}', Buffer.from([0xc3])]);
  });

  it('may be as long as the limit, and no longer', () => {
    const long = Buffer.from(`${'x'.repeat(100)}\n{}\n`);
    expect(split(long, [7], 100)).toEqual({ lines: ['x'.repeat(100), '{}'], intact: true });
    expect(split(long, [7], 99)).toEqual({ lines: [], intact: false });
    expect(split(Buffer.alloc(1_000, 'x'), [1_000], 99).intact).toBe(false);
  });

  it('of stderr are cut, and end with their text', () => {
    const lines: [string, number][] = [];
    const stderr = new StderrLines((line, bytes) => lines.push([line, bytes]));
    for (const text of [
      'Trace',
      'back:\n\n  \n  é',
      'nd\r\n',
      'x'.repeat(5_000),
      'y'.repeat(5_000),
      '\nlast',
    ])
      stderr.push(Buffer.from(text));
    expect(lines.map(([line, bytes]) => [line.slice(0, 20), bytes])).toEqual([
      ['Traceback:', 10],
      ['  énd', 7],
      ['x'.repeat(20), 10_000],
    ]);
    expect(lines[2]?.[0]).toMatch(/^x{5000}y{3192}… \(cut: 10000 bytes in all\)$/);
    stderr.end();
    expect(stderr.last).toBe('last');
  });
});

describe('the gate for lines that are no answers', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function gate() {
    const stream = new PassThrough();
    stream.on('data', () => {});
    let dropped = 0;
    const floodGate = new FloodGate(stream, () => dropped++);
    const pass = (lines: number, bytes: number) =>
      Array.from({ length: lines }, () => floodGate.pass(bytes)).filter(Boolean).length;
    return { stream, floodGate, pass, dropped: () => dropped };
  }

  it('lets 1,000 lines a second pass, and counts the others', () => {
    const { stream, pass, dropped } = gate();
    expect([pass(1_500, 10), dropped(), stream.isPaused()]).toEqual([1_000, 500, false]);
    vi.advanceTimersByTime(1_000);
    expect([pass(10, 10), dropped()]).toEqual([10, 500]);
  });

  test.each([
    ['lines', 10_001, 10],
    ['bytes', 700, 6_000],
  ])('reads no more of a flood of %s until the second is over', (_, lines, bytes) => {
    const { stream, pass } = gate();
    pass(lines, bytes);
    expect(stream.isPaused()).toBe(true);
    vi.advanceTimersByTime(999);
    expect(stream.isPaused()).toBe(true);
    vi.advanceTimersByTime(1);
    expect(stream.isPaused()).toBe(false);
  });

  it('opens when the child has ended, so that its last lines are read', () => {
    const { stream, pass, floodGate } = gate();
    pass(20_000, 1);
    floodGate.open();
    expect([stream.isPaused(), vi.getTimerCount()]).toEqual([false, 0]);
  });
});
