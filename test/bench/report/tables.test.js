import { describe, expect, it } from 'vitest';
import { markdownTable, pageOf } from './page.js';
import { TABLES, targetsTable } from './tables.js';

const flood = {
  messages: 1_000,
  rounds: [100_000, 300_000].map((rate) => ({
    limit: { rate: 1_000_000, redisMicros: 1 },
    cgroup: { rate, redisMicros: 4, nodeMicros: 5 },
    bullmq: { rate: 10_000, redisMicros: 40, nodeMicros: 50 },
    'bee-queue': { rate: 20_000, redisMicros: 40, nodeMicros: 50 },
    tutorial: { rate: 50_000, redisMicros: 40, nodeMicros: 50 },
  })),
};

describe('the table of the flood', () => {
  const { head, rows } = TABLES.flood(flood);
  it('has a row for the limit and each contender, as wide as its head', () => {
    expect(rows.map(([who]) => who.split(':')[0])).toEqual([
      'limit',
      'cgroup',
      'bullmq',
      'bee-queue',
      'tutorial',
    ]);
    for (const row of rows) expect(row).toHaveLength(head.length);
  });
  it('has medians with their spread, and ratios', () => {
    expect(rows[1].slice(1, 3)).toEqual(['200,000 (100,000 – 300,000)', '0.2 (0.1 – 0.3)']);
    expect(rows[2][3]).toBe('20 ×');
  });
});

describe('the table of latencies', () => {
  it('has the lateness of the publisher beside p99', () => {
    const run = { contender: 'cgroup', rate: 1_000, p50: 0.5, p99: 2, p999: 5, max: 9, lateP99: 1, late: 4 };
    const { head, rows } = TABLES.latency({
      seconds: 8,
      runs: [run, { ...run, p99: 4 }, { ...run, p99: 3 }],
    });
    expect(rows).toEqual([['cgroup', '1,000', '0.5', '3 (2 – 4)', '1', '5', '9', '4']]);
    expect(head).toHaveLength(rows[0].length);
  });
});

describe('the table of scaling', () => {
  it('has a row for each number of consumers, with its share of linear', () => {
    const runs = [
      { size: 1, work: 0, rate: 1_000 },
      { size: 4, work: 0, rate: 1_100 },
      { size: 1, work: 5, rate: 200 },
      { size: 4, work: 5, rate: 760 },
    ];
    expect(TABLES.scaling({ runs }).rows).toEqual([
      ['1', '1,000', '200 (1.00)'],
      ['4', '1,100', '760 (0.95)'],
    ]);
  });
});

describe('the table of kinds of processors', () => {
  const kind = (rate) => ({ rate, redisMicros: 4, nodeMicros: 5 });
  const limit = { rate: 1_000_000, redisMicros: 1 };
  const messages = { module: 300_000, remote: 200_000 };
  it('has the rate of each kind beside that of a module and the limit, and latencies', () => {
    const remote = { ...kind(30_000), workerMicros: 7, p50: 1, p99: 3, lateP99: 2 };
    const { head, rows, note } = TABLES.processors({
      messages,
      latency: { rate: 1_000, seconds: 8 },
      rounds: [{ limit, module: kind(100_000), remote }],
    });
    expect(rows.map((row) => row.slice(1))).toEqual([
      ['1,000,000', '10', '1', '1', '–', '–', '–', '–', '–'],
      ['100,000', '1', '0.1', '4', '5', '–', '–', '–', '–'],
      ['30,000', '0.3', '0.03', '4', '5', '7', '1', '3', '2'],
    ]);
    for (const row of rows) expect(row).toHaveLength(head.length);
    expect(note).toContain('module 300,000, remote 200,000 messages');
    expect(note).toContain('at 1,000 msg/s, 8 s each');
  });
  it('needs no latencies', () => {
    const { note } = TABLES.processors({ messages, rounds: [{ limit, module: kind(100_000) }] });
    expect(note).not.toContain('Latency');
  });
});

describe('the table of the cost of watching', () => {
  it('has both floods, and their ratios pair by pair', () => {
    const pair = (rate) => ({
      alone: { rate: 100_000, redisMicros: 4, nodeMicros: 5 },
      watched: { rate, redisMicros: 4, nodeMicros: 5.1 },
    });
    const { head, rows } = TABLES.watched({
      messages: 1_000,
      streams: 100,
      rounds: [pair(97_000), pair(99_000)],
    });
    expect(rows).toEqual([
      ['alone', '100,000', '4', '5'],
      ['watched', '98,000 (97,000 – 99,000)', '4', '5.1'],
      ['watched, of alone', '0.98 (0.97 – 0.99)', '1', '1.02'],
    ]);
    expect(head).toHaveLength(4);
  });
});

describe('the table of lanes', () => {
  it('has a row for each number of lanes, with all three nodes and the parts of all rounds', () => {
    const run = (lanes, rate, parts) => ({
      ...{ lanes, rate, parts, groupMicros: 6, nodeMicros: [4, 2, 1] },
      strays: 1,
    });
    const runs = [run(1, 1_000, [1]), run(2, 2_000, [0.52, 0.48]), run(2, 3_000, [0.5, 0.5])];
    const { head, rows } = TABLES.lanes({ messages: 5_000, runs });
    expect(rows).toEqual([
      ['1', '1,000', '6', '4', '2', '1', '100.0 to 100.0', '1'],
      ['2', '2,500 (2,000 – 3,000)', '6', '4', '2', '1', '48.0 to 52.0', '2'],
    ]);
    expect(head).toHaveLength(8);
  });
});

describe('the table of replicas', () => {
  it('has a row for each number of replicas that the group waits for', () => {
    const run = (waitsFor, rate) => ({
      ...{ waitsFor, rate, redisMicros: 4, nodeMicros: 5, p50: 1, p99: 2, lateP99: 0.5 },
    });
    const latency = { rate: 1_000, seconds: 5 };
    const { title, rows } = TABLES.replicas({
      ...{ messages: 5_000, latency, there: 2 },
      runs: [run(0, 3_000), run(2, 1_000), run(2, 2_000)],
    });
    expect(title).toBe('Waiting for replicas, 5,000 messages and 1,000 msg/s');
    expect(rows).toEqual([
      ['0', '3,000', '4', '5', '1', '2', '0.5'],
      ['2', '1,500 (1,000 – 2,000)', '4', '5', '1', '2', '0.5'],
    ]);
  });
});

describe('the table of targets', () => {
  it('says by how much a target was reached or missed', () => {
    const verdict = {
      measure: 'flood',
      what: 'x',
      asked: 'at least 2',
      got: '1',
      verdict: 'missed',
      margin: -0.5,
    };
    expect(targetsTable([verdict]).rows).toEqual([['flood: x', 'at least 2', '1', 'missed', '50 %']]);
  });
});

describe('markdownTable', () => {
  it('has a line for the head, one for the alignment, and one per row', () => {
    expect(markdownTable(['', 'n'], [['a|b', '1']])).toEqual(['|  | n |', '|---|---:|', '| a\\|b | 1 |']);
  });
});

describe('pageOf', () => {
  const where = {
    at: '2026-01-02T03:04:05Z',
    machine: { cpu: 'CPU', cores: 2, memoryGB: 8, system: 'Linux 6' },
    versions: { node: '20.1.0', redis: '7.0.0' },
  };
  const startup = {
    ...where,
    runs: [{ readyMs: 400, nodeMs: 40, ioredisMs: 70, commandMs: { '--version': 77 } }],
  };
  const page = pageOf({ flood: { ...where, ...flood }, startup }, ['flood']);
  it('names the machine and the versions once if all measures ran there', () => {
    expect(page.split('2026-01-02, 2 cores of CPU, 8 GB, Linux 6; node 20.1.0, redis 7.0.0.')).toHaveLength(
      2,
    );
  });
  it('says when and where each measure ran if they differ', () => {
    const later = { ...startup, at: '2026-02-03T04:05:06Z', versions: { node: '20.2.0' } };
    const lines = pageOf({ flood: { ...where, ...flood }, startup: later }, []).split('\n');
    expect(lines).toContain('- flood: 2026-01-02, 2 cores of CPU, 8 GB, Linux 6; node 20.1.0, redis 7.0.0.');
    expect(lines).toContain('- startup: 2026-02-03, 2 cores of CPU, 8 GB, Linux 6; node 20.2.0.');
  });
  it('has the targets, the tables and the charts', () => {
    expect(page).toContain('## Targets');
    expect(page).toContain('![End to end at full flood, 1,000 messages](bench/flood.svg)');
    expect(page).toContain('| bullmq | 10,000 |');
    expect(page).toContain('| `cgroup --version` | 77 | 1.1 |');
  });
});
