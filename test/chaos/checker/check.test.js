import { describe, expect, it } from 'vitest';
import { messageBytes, messageId, sha, usualKind } from '../messages.js';
import { check } from './check.js';

const RUN = 'test';
const COUNT = 1_600; // holds each of the usual kinds
const FIRST_BAD = 500; // the first that is no JSON
const NOON = Date.UTC(2026, 0, 1, 12);

/** The evidence of a group without faults, for tests to spoil. */
function evidence() {
  const published = Array.from({ length: COUNT }, (_, n) => {
    const time = NOON + n * 1_000;
    const kind = usualKind(n);
    const hash = sha(messageBytes(RUN, n, kind));
    const clock = { sentAt: time, redisBefore: time, redisAfter: time };
    return { n, id: messageId(RUN, n), kind, receivers: 3, ...clock, hash };
  });
  const isGood = ({ kind }) => kind === 'plain' || kind === 'odd';
  const output = published.filter(isGood).map(({ n, id, kind }) => ({
    id: `${NOON + n}-0`,
    inboxId: `${NOON}-${n}`,
    messageId: id,
    data: JSON.stringify({ ...JSON.parse(messageBytes(RUN, n, kind).toString()), seen: true }),
  }));
  const dead = published
    .filter((one) => !isGood(one))
    .map(({ n, kind }) => ({
      id: `${NOON + n}-0`,
      inboxId: `${NOON}-${n}`,
      message: messageBytes(RUN, n, kind),
      reason: 'invalid-json',
    }));
  return {
    run: RUN,
    published,
    order: 'none',
    witnessed: published.map(({ n }) => n),
    output,
    dead,
    gaps: [],
    counters: { relayed: COUNT, processed: output.length, dead: dead.length },
    unsettled: { inbox: 0, packed: 0, pending: 0, retrying: 0 },
    emptiedAt: 0,
    mayLoseInGaps: false,
    mayStray: false,
    listed: ['host-12-abcdef-1', 'host-12-abcdef-2'],
    live: [{ pid: 12, consumers: 2 }],
    ends: [
      { pid: 12, code: 0, signal: null },
      { pid: 11, code: null, signal: 'SIGKILL', doom: 'leader-killed' },
    ],
    stray: [],
  };
}

/** Counters that match spoilt streams, for tests that are not about counters. */
function recounted(world) {
  const [processed, dead] = [world.output.length, world.dead.length];
  world.counters = { relayed: processed + dead, processed, dead, gaps: world.gaps.length };
}

function findingsAfter(spoil) {
  const world = evidence();
  spoil(world);
  return check(world).findings.map(({ name }) => name);
}

it('finds nothing wrong with a group without faults', () => {
  const { findings, numbers } = check(evidence());
  expect(findings).toEqual([]);
  expect(numbers).toMatchObject({ published: COUNT, accepted: COUNT, lost: 0, doubled: 0, inGaps: 0 });
});

describe('losses', () => {
  const lose = (world) => {
    world.output.splice(5, 1);
    recounted(world);
  };
  const gap = (from, to) => ({ from: NOON + from, to: NOON + to, reason: 'no bridge was subscribed' });

  it.each([
    ['outside of any gap', { gaps: [], may: true, found: ['lost'] }],
    ['in a gap', { gaps: [gap(4_000, 6_000)], may: true, found: [] }],
    [
      'in a gap, while a bridge was connected',
      { gaps: [gap(4_000, 6_000)], may: false, found: ['lost in a gap'] },
    ],
    ['beside a gap', { gaps: [gap(9_000, 12_000)], may: true, found: ['lost'] }],
  ])('%s', (_, { gaps, may, found }) => {
    const spoil = (world) => {
      Object.assign(world, { gaps, mayLoseInGaps: may });
      lose(world);
    };
    expect(findingsAfter(spoil)).toEqual(found);
  });

  it.each([
    ['a publish whose reply was lost', (one) => Object.assign(one, { receivers: undefined })],
    ['a publish that only the witness received', (one) => Object.assign(one, { receivers: 1 })],
  ])('do not include %s', (_, change) => {
    const spoil = (world) => {
      change(world.published[5]);
      lose(world);
    };
    expect(findingsAfter(spoil)).toEqual([]);
  });

  it('include what a master took while no bridge was there, unless a gap tells it closely', () => {
    const spoil = (gaps) => (world) => {
      Object.assign(world, {
        place: 'replicated',
        promotions: [{ at: 0, named: 0 }],
        gaps,
        mayLoseInGaps: true,
      });
      world.published[5].receivers = 0;
      lose(world);
    };
    expect(findingsAfter(spoil([]))).toEqual(['lost']);
    expect(findingsAfter(spoil([gap(5_200, 6_000)]))).toEqual(['lost']);
    expect(findingsAfter(spoil([gap(5_050, 6_000)]))).toEqual([]);
  });

  it('do not include messages that were deleted with the database', () => {
    const spoil = (world) => {
      world.emptiedAt = NOON + 5_000;
      lose(world);
    };
    expect(findingsAfter(spoil)).toEqual([]);
  });
});

it.each([
  ['doubled', (world) => world.output.push({ ...world.output[3], id: '9-9' })],
  ['processed and dead', (world) => world.dead.push(deadCopy(world, 3))],
  ['dead, though it is good', (world) => world.dead.push(deadCopy(world, 3))],
  ['altered', (world) => Object.assign(world.output[3], { data: '{"n":3}' })],
  ['altered', (world) => Object.assign(world.output[3], { data: 'no JSON' })],
  ['altered', (world) => Object.assign(world.dead[0], { message: spoilt(world.dead[0].message) })],
  ['never published', (world) => Object.assign(world.output[3], { messageId: messageId('another run', 3) })],
  ['processed, though it cannot be', (world) => world.output.push(resultOf(FIRST_BAD))],
  ['inbox id given twice', (world) => Object.assign(world.output[3], { inboxId: world.output[4].inboxId })],
  ['inbox id given twice', (world) => Object.assign(world.dead[0], { inboxId: world.output[9].inboxId })],
  ['out of order', (world) => Object.assign(world.output[3], { inboxId: `${NOON - 1}-0` })],
])('finds what is %s', (name, spoil) => {
  const spoilAll = (world) => {
    spoil(world);
    recounted(world);
  };
  expect(findingsAfter(spoilAll)).toContain(name);
});

it('asks for no order between the two sides of a split', () => {
  const late = (world) => {
    const [moved] = world.published.splice(3, 1);
    Object.assign(world, { cutOff: [moved], place: 'replicated' });
    Object.assign(
      world.output.find(({ messageId }) => messageId === moved.id),
      { inboxId: `${NOON - 1}-0` },
    );
  };
  expect(findingsAfter(late)).toEqual([]);
});

describe('an output out of order', () => {
  const swap = (a, b, order) => (world) => {
    world.order = order;
    [world.output[a], world.output[b]] = [world.output[b], world.output[a]];
  };

  it.each([
    ['total', swap(1, 2, 'total'), true],
    ['key, of one key', swap(0, 5, 'key'), true],
    ['key, of two keys', swap(1, 2, 'key'), false],
    ['none', swap(1, 2, 'none'), false],
  ])('is found with order %s', (_name, spoil, isFound) => {
    expect(findingsAfter(spoil)).toEqual(isFound ? ['output out of order'] : []);
  });
});

it.each([
  ['not settled', (world) => Object.assign(world.unsettled, { pending: 1 })],
  ['counters do not add up', (world) => world.counters.relayed++],
  ['counter is wrong', (world) => world.output.pop()],
  ['counter is wrong', (world) => Object.assign(world.counters, { packed: 1 })],
  ['counted as lost', (world) => Object.assign(world.counters, { lost: 1 })],
  ['counted as strays', (world) => Object.assign(world.counters, { strays: 1 })],
  ['consumer list', (world) => world.listed.pop()],
  ['consumer list', (world) => world.listed.push('host-11-abcdef-1')],
  ['size', (world) => Object.assign(world, { size: 3 })],
  ['size', (world) => Object.assign(world, { size: 2, live: [...world.live, { pid: 13, consumers: 0 }] })],
  ['process ended badly', (world) => Object.assign(world.ends[0], { code: 1 })],
  ['process ended badly', (world) => Object.assign(world.ends[1], { doom: undefined })],
  ['stray error', (world) => world.stray.push('unhandledRejection')],
])('finds in the house: %s', (name, spoil) => {
  expect(findingsAfter(spoil)).toContain(name);
});

function deadCopy({ output }, at) {
  const { inboxId, messageId: id } = output[at];
  const n = Number(id.split('-')[0]);
  return { id: '9-9', inboxId, message: messageBytes(RUN, n, usualKind(n)), reason: 'failed' };
}

function resultOf(n) {
  return { id: '9-9', inboxId: `${NOON}-${n}`, messageId: messageId(RUN, n), data: '{}' };
}

function spoilt(bytes) {
  return Buffer.concat([bytes, Buffer.from(' ')]);
}
