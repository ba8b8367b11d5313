import { setTimeout as sleep } from 'node:timers/promises';
import { check } from './checker/check.js';
import { NotProven } from './faults/fault.js';
import { Random } from './random.js';
import { consumerIds, read, unsettled } from './reading.js';
import { Stage } from './stage.js';

/** ms of publishing before the first fault and after the last one. */
const BEFORE_MS = 500;
const AFTER_MS = 1_500;
/** All must be settled so many ms after the last message. */
const SETTLE_MS = 15_000;
/** Nothing moved for so long, and nothing is left: what a bridge kept in memory is relayed, too. */
const QUIET_MS = 700;
/** The list of consumers must be true within so many ms. */
const LIST_MS = 5_000;
const CONSUMERS_PER_PROCESS = 2;

/**
 * One round: a fresh stage, the faults while messages are published, quiet, the check.
 *
 * @param {import('./faults/index.js').Fault[]} faults one, or two at a time
 * @param {{ seed: number, rate: number, bridges: number, mutant?: string }} options
 */
export async function playRound(faults, options) {
  const name = faults.map((fault) => fault.name).join('+');
  const random = new Random(options.seed, name);
  const result = { name, faults: faults.map((fault) => fault.name), seed: options.seed, proofs: [] };
  const impossible = faults.map((fault) => fault.impossible?.()).find(Boolean);
  if (impossible) return { ...result, verdict: 'not possible', why: impossible };

  let stage;
  try {
    stage = await Stage.open({ run: `${options.seed}/${name}`, ...options, ...needs(faults, options) });
    const strikes = await strike(stage, faults, random);
    result.proofs = strikes.map(({ proof }) => proof);
    const verdict = check(await evidence(stage, faults, `${options.seed}/${name}`));
    const outage = outageOf(stage, faults, strikes);
    const passed = verdict.findings.length === 0;
    if (passed) stage.clear();
    return { ...result, ...verdict, ...outage, verdict: passed ? 'ok' : 'failed', logs: stage.dir };
  } catch (error) {
    // What did not happen says nothing; what got stuck speaks against the product.
    const verdict = error instanceof NotProven ? 'invalid' : 'failed';
    return { ...result, verdict, why: error.message, logs: stage?.dir };
  } finally {
    await stage?.close();
  }
}

/** What the faults ask of their stage; two at a time are only chosen where they agree. */
function needs(faults, options) {
  const all = faults.map((fault) => fault.needs ?? {});
  return {
    rate: Math.min(options.rate, ...all.map(({ rate }) => rate ?? Infinity)),
    redis: Object.assign({}, ...all.map(({ redis }) => redis)),
    args: all.flatMap(({ args }) => args ?? []),
  };
}

async function strike(stage, faults, random) {
  await sleep(BEFORE_MS);
  stage.struckAt = performance.now();
  // Where one fails, the other one must have come to its end before the stage is cleared.
  const ends = await Promise.allSettled(
    faults.map(async (fault, i) => {
      if (i > 0) await sleep(random.between(0, 1_000));
      return fault.strike(stage, random);
    }),
  );
  const failed = ends.find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
  stage.healedAt ??= performance.now();
  await stage.group.whole(stage.bridges);
  await stage.bridgesSubscribed();
  await sleep(AFTER_MS);
  stage.quietAt = performance.now();
  await stage.publishing.stop();
  return ends.map(({ value }) => value);
}

async function evidence(stage, faults, run) {
  const left = await settle(stage.admin);
  const live = stage.group.processes.map(({ pid }) => ({ pid, consumers: CONSUMERS_PER_PROCESS }));
  const listed = await consumerList(stage.admin, live);
  const found = await read(stage.admin);
  await stage.group.stop();
  return {
    run,
    published: stage.publishing.ledger(),
    witnessed: stage.witness.order,
    ...found,
    unsettled: left,
    emptiedAt: stage.emptiedAt,
    mayLoseInGaps: stage.bridges === 1 || mayLoseInGaps(faults),
    listed,
    live,
    ends: stage.group.all.map((one) => one.end),
    stray: stage.group.all.flatMap((one) => one.stray),
  };
}

/** The list, once it is as it should be: the dead leave it within 5 s. */
async function consumerList(redis, live) {
  const deadline = performance.now() + LIST_MS;
  for (;;) {
    const listed = await consumerIds(redis);
    const right = listed.every((id) => live.some(({ pid }) => id.includes(`-${pid}-`)));
    if ((right && listed.length === live.length * CONSUMERS_PER_PROCESS) || performance.now() > deadline)
      return listed;
    await sleep(100);
  }
}

/** Waits until nothing is left to settle, for as long as the product may take. */
async function settle(redis) {
  const deadline = performance.now() + SETTLE_MS;
  let quietSince = performance.now();
  let last = await unsettled(redis);
  while (performance.now() < deadline) {
    await sleep(50);
    const now = await unsettled(redis);
    const quiet = now.inbox + now.pending + now.retrying === 0 && now.relayed === last.relayed;
    if (!quiet) quietSince = performance.now();
    else if (performance.now() - quietSince > QUIET_MS) return now;
    last = now;
  }
  return last;
}

/** Two faults that each take one bridge away may meet both of them; where there is one alone, any may. */
function mayLoseInGaps(faults) {
  const cuts = faults.map((fault) => fault.cuts);
  return cuts.includes('all') || cuts.filter((cut) => cut === 'one').length > 1;
}

/**
 * The longest time without progress, and whether that is longer than the product promises. Of two faults at a time
 * the one that promises less counts.
 */
function outageOf(stage, faults, strikes) {
  const promises = faults.map((fault) => fault.outage);
  const within = Math.max(...promises.map((promise) => promise.within));
  const afterHeal = promises.some(({ after }) => after === 'heal');
  const results = promises.map(({ of }, i) => {
    const { from, to, ms } = stage.probe.longestStall(of, stage.struckAt, stage.quietAt);
    const began = afterHeal ? Math.max(from, Math.min(stage.healedAt, to)) : from;
    const told = strikes[i].outage ?? 0;
    return { ms: Math.max(ms, told), slow: Math.max(to - began, told) > within };
  });
  return {
    outage: Math.round(Math.max(...results.map(({ ms }) => ms))),
    slow: results.some(({ slow }) => slow),
  };
}
