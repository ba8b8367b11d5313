import { setTimeout as sleep } from 'node:timers/promises';
import { check } from './checker/check.js';
import { takenByMaster } from './checker/fail-over.js';
import { NotProven, proveSoon } from './faults/fault.js';
import { Random } from './random.js';
import { consumerIds, read, settledReports, unsettled } from './reading.js';
import { Stage } from './stage.js';

/** ms of publishing before the first fault and after the last one. */
const BEFORE_MS = 500;
const AFTER_MS = 1_500;
/** ms after the last message within which all must be settled. */
const SETTLE_MS = 15_000;
/**
 * ms without progress, and with nothing left, after which a bridge's memory must be empty too. After a fail-over the lead may change
 * once more, and a bridge relays nothing of its first second at a node of a Cluster.
 */
const QUIET_MS = { one: 700, replicated: 3_000 };
/** ms within which the list of consumers must be right. */
const LIST_MS = 5_000;

/**
 * One round: a fresh stage, the faults while messages are published, quiet, the check.
 *
 * @param {import('./faults/index.js').Fault[]} faults one, or two at a time
 * @param {{ seed: number, rate: number, bridges: number, order: 'none' | 'total' | 'key', on: 'one' | 'sentinel' | 'cluster', minReplicas: number, backWithin: number, mutant?: string }} options
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
    if (verdict.numbers.back > options.backWithin) outage.slow = true;
    const passed = verdict.findings.length === 0;
    if (passed) stage.clear();
    return { ...result, ...verdict, ...outage, verdict: passed ? 'ok' : 'failed', logs: stage.dir };
  } catch (error) {
    // A fault that did not happen proves nothing; a round that got stuck is a failure of the product.
    const verdict = error instanceof NotProven ? 'invalid' : 'failed';
    return { ...result, verdict, why: error.message, logs: stage?.dir };
  } finally {
    await stage?.close();
  }
}

/** What the faults need of their stage. Two at a time are chosen only if they agree. */
function needs(faults, options) {
  const all = faults.map((fault) => fault.needs ?? {});
  return {
    rate: Math.min(options.rate, ...all.map(({ rate }) => rate ?? Infinity)),
    redis: Object.assign({}, ...all.map(({ redis }) => redis)),
    args: all.flatMap(({ args }) => args ?? []),
    workers: all.map(({ workers }) => workers).find(Boolean),
  };
}

async function strike(stage, faults, random) {
  // They come once each process has measured its processor. A fault before that would show nothing of them.
  const isPacked = stage.order === 'none' && !faults.some(({ needs }) => needs?.ones);
  if (isPacked) await proveSoon(() => stage.hasPacks(), 'messages in packs');
  await sleep(BEFORE_MS);
  stage.struckAt = performance.now();
  // If one fails, the other one must end before the stage is cleared.
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
  const place = stage.place.looks ? 'replicated' : 'one';
  const left = await settle(stage.admin, QUIET_MS[place]);
  const { size, consumers } = stage;
  const { processes } = stage.group;
  const listed = await consumerList(
    stage.place.reading(stage.admin),
    processes,
    size ?? processes.length * consumers,
  );
  const live = processes.map((one) => {
    const own = listed.filter((id) => one.owns(id)).length;
    return { pid: one.pid, consumers: size === undefined ? consumers : own };
  });
  const found = await read(stage.admin);
  await stage.group.stop();
  await stage.workers?.stop();
  const ran = [...stage.group.all, ...(stage.workers?.all ?? [])];
  return {
    run,
    published: takenByMaster(stage.publishing.ledger(), stage.place.looks),
    cutOff: stage.cutOff?.ledger(),
    place,
    promotions: stage.place.promotions,
    settled: settledReports(stage.group.all),
    minReplicas: stage.minReplicas,
    replicas: stage.place.replicaCount,
    order: stage.order,
    witnessed: stage.witness.order,
    ...found,
    unsettled: left,
    emptiedAt: stage.emptiedAt,
    mayLoseInGaps: stage.bridges === 1 || mayLoseInGaps(faults),
    mayStray: faults.some(({ strays }) => strays),
    listed,
    live,
    size,
    ends: ran.map((one) => one.end),
    stray: ran.flatMap((one) => one.stray),
  };
}

/** The list, once it is right: dead consumers leave it within 5 s. */
async function consumerList(redis, processes, size) {
  const deadline = performance.now() + LIST_MS;
  for (;;) {
    const listed = await consumerIds(redis);
    const right = listed.every((id) => processes.some((one) => one.owns(id)));
    if ((right && listed.length === size) || performance.now() > deadline) return listed;
    await sleep(100);
  }
}

/** Waits until nothing is left to settle, at most as long as the product may take. */
async function settle(redis, quietMs) {
  const deadline = performance.now() + SETTLE_MS;
  let quietSince = performance.now();
  let last = await unsettled(redis);
  while (performance.now() < deadline) {
    await sleep(50);
    const now = await unsettled(redis);
    const quiet = now.inbox + now.pending + now.retrying === 0 && now.relayed === last.relayed;
    if (!quiet) quietSince = performance.now();
    else if (performance.now() - quietSince > quietMs) return now;
    last = now;
  }
  return last;
}

/** Two faults that each take one bridge away may take both; a single bridge may be taken by any fault. */
function mayLoseInGaps(faults) {
  const cuts = faults.map((fault) => fault.cuts);
  return cuts.includes('all') || cuts.filter((cut) => cut === 'one').length > 1;
}

/**
 * The longest time without progress, and whether it is longer than the product promises. Of two faults, the weaker
 * promise counts.
 */
function outageOf(stage, faults, strikes) {
  const promises = faults.map((fault) => fault.outage);
  const within = Math.max(...promises.map((promise) => promise.within));
  const afterHeal = promises.some(({ after }) => after === 'heal');
  const results = promises.map(({ of }, i) => {
    const { from, to, ms } = stage.probe.longestStall(of, stage.struckAt, stage.quietAt);
    const began = afterHeal ? Math.max(from, Math.min(stage.healedAt, to)) : from;
    const reported = strikes[i].outage ?? 0;
    return { ms: Math.max(ms, reported), slow: Math.max(to - began, reported) > within };
  });
  return {
    outage: Math.round(Math.max(...results.map(({ ms }) => ms))),
    slow: results.some(({ slow }) => slow),
  };
}
