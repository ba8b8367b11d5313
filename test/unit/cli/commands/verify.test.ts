import { describe, expect, it } from 'vitest';
import { verificationText } from '../../../../src/cli/commands/verify.js';
import type { Verification } from '../../../../src/verify/verify.js';

describe('the text of a verification', () => {
  const GOOD: Verification = {
    relayed: 9,
    processed: 6,
    dead: 2,
    backlog: 1,
    parked: 0,
    doubled: 0,
    lost: 0,
    lostInGaps: 0,
    unexpected: 0,
    ok: true,
    outputType: 'stream',
    order: 'none',
    outOfOrder: 0,
    trimmed: 0,
    taken: 0,
    steps: null,
    purged: 0,
    gaps: 0,
    ledger: null,
    untraceable: 0,
    byCounters: { lost: 0, doubled: 0, unexpected: 0 },
    byLedger: null,
    examples: { lost: [], doubled: [], unexpected: [], outOfOrder: [] },
  };

  it('is a table and a sentence', () => {
    expect(verificationText({ ...GOOD, processed: 7, backlog: 0 })).toBe(
      [
        'relayed     9',
        'processed   7',
        'dead        2',
        'backlog     0',
        'lost        0',
        'doubled     0',
        'unexpected  0',
        '',
        'every message once: 9 relayed = 7 processed + 2 dead + 0 backlog',
      ].join('\n'),
    );
  });

  it('escapes what acts on a terminal in the ids, which publishers choose', () => {
    const odd = 'id\u009b2J\u202e\r\nforged';
    const text = verificationText({
      ...GOOD,
      ok: false,
      lost: 2,
      examples: { lost: [odd], doubled: [], unexpected: [], outOfOrder: [] },
    });
    expect(text).toContain('    id\\u009b2J\\u202e\\u000d\\u000aforged\n    …');
    expect(text).not.toContain(odd);
  });

  it.each<[string, Partial<Verification>, RegExp]>([
    ['a backlog', {}, /1 message is not settled yet: verify again/],
    ['the ids in the ledger', { ledger: 8 }, /^ledger {6}8$/m],
    ['gaps, without a ledger', { gaps: 2 }, /missed 2 times.*only a ledger/],
    [
      'trimmed results',
      { ledger: 8, trimmed: 3, untraceable: 2 },
      /3 results were trimmed: .*; 2 of its ids were not found/,
    ],
    [
      'untraceable ids, in the verdict',
      { ledger: 8, trimmed: 3, untraceable: 2 },
      /^so far every message once; 2 of the ledger's ids cannot be traced: 9 relayed = /m,
    ],
    [
      'that nothing was relayed',
      { relayed: 0, processed: 0, dead: 0, backlog: 0 },
      /^no message was ever relayed$/m,
    ],
    [
      'purged dead letters',
      { ledger: 8, trimmed: 3, purged: 4 },
      /3 results were trimmed and 4 dead letters were purged: /,
    ],
    [
      'the differences, in the verdict',
      { ok: false, lost: 3, doubled: 2, unexpected: 1 },
      /^NOT every message once: 3 lost, 2 doubled, 1 unexpected$/m,
    ],
    [
      'deleted messages',
      { ok: false, lost: 3, byCounters: { lost: 3, doubled: 0, unexpected: 0 } },
      /3 were relayed and left neither/,
    ],
    [
      'messages lost in a gap, with examples',
      {
        ok: false,
        lost: 3,
        lostInGaps: 3,
        byLedger: { lost: 3, doubled: 0, unexpected: 0 },
        examples: { lost: ['m1', 'm2'], doubled: [], unexpected: [], outOfOrder: [] },
      },
      /^lost:\n {2}3 were published in a gap.*\n {4}m1\n {4}m2\n {4}…$/m,
    ],
    [
      'messages that were never relayed',
      { ok: false, lost: 3, lostInGaps: 1, byLedger: { lost: 3, doubled: 0, unexpected: 0 } },
      /no gap is recorded/,
    ],
    [
      'messages with two results',
      { ok: false, doubled: 1, byCounters: { lost: 0, doubled: 1, unexpected: 0 } },
      /^doubled:\n {2}messages have more than one result/m,
    ],
    [
      'messages that were published twice',
      { ok: false, doubled: 1 },
      /^doubled:\n {2}ids have more results/m,
    ],
    [
      'foreign entries',
      { ok: false, unexpected: 1, byCounters: { lost: 0, doubled: 0, unexpected: 1 } },
      /^unexpected:\n {2}the streams hold more/m,
    ],
    [
      'foreign messages',
      { ok: false, unexpected: 1, byLedger: { lost: 0, doubled: 0, unexpected: 1 } },
      /^unexpected:\n {2}there are results of messages that no ledger lists/m,
    ],
  ])('mentions %s', (_name, part, pattern) => {
    expect(verificationText({ ...GOOD, ...part })).toMatch(pattern);
  });

  it('mentions no gap and no defect, if neither explains the loss', () => {
    const text = verificationText({
      ...GOOD,
      ok: false,
      lost: 2,
      byCounters: { lost: 2, doubled: 0, unexpected: 0 },
      byLedger: { lost: 2, doubled: 0, unexpected: 0 },
    });
    expect(text).not.toMatch(/gap|defect/);
  });
});
