import { Random } from '../random.js';
import type { Scenario, Second } from './group.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const ALMOST_A_MINUTE = 58 * SECOND;

/** A kind of load or fault: the scenario of a seed, and what is wrong with a run of it. */
export interface Family {
  readonly scenario: (random: Random) => Scenario;
  readonly check: (seconds: readonly Second[], scenario: Scenario) => string[];
}

type Load = Scenario['load'];

/** The load with other noise each second, of this share. */
function noisy(load: Load, share = 0.2): Load {
  let [second, factor] = [-1, 1];
  return (ms, random) => {
    const now = Math.floor(ms / SECOND);
    if (now !== second) [second, factor] = [now, 1 - share + 2 * share * random.next()];
    return load(ms, random) * factor;
  };
}

/** Arrivals that do not depend on each other (Poisson), each 100 ms. */
function byChance(rate: number): Load {
  return (_, random) => {
    let [count, left] = [-1, 1];
    for (const none = Math.exp(-rate / 10); left >= none; count++) left *= random.next();
    return count * 10;
  };
}

/** Work of which a tenth of the messages takes five times as long as the others; `mean` ms on average. */
function longTail(mean: number): NonNullable<Scenario['work']> {
  return (_, random) => (random.chance(0.1) ? 5 : 1) * (mean / 1.4);
}

/** The right size without a backlog: consumers that are busy for 70 % of their time. */
const right = (load: number, work = 20) => (load * work) / SECOND / 0.7;

const decisionsOf = (seconds: readonly Second[]) => seconds.filter(({ decision }) => decision);
const between = (seconds: readonly Second[], from: number, to: number) =>
  seconds.filter(({ at }) => at > from && at <= to);

function reversals(seconds: readonly Second[], from: number): string[] {
  let [last, direction] = [from, 0];
  const found: string[] = [];
  for (const { at, size, why } of seconds) {
    const now = Math.sign(size - last);
    if (now !== 0 && direction !== 0 && now !== direction)
      found.push(`turns at ${at} ms: ${last} to ${size}: ${why}`);
    if (now !== 0) direction = now;
    last = size;
  }
  return found;
}

/** Whether all consumers are within 20 % of what is right, or one more or less: consumers are whole. Start-up may add some. */
function notRight(second: Second | undefined, load: number, { rule, fixed = 0 }: Scenario): string[] {
  if (!second) return ['no such second'];
  const least = Math.max(right(load), fixed + 1);
  const most = Math.max(right(load * (1 + (0.7 * SECOND) / rule.drainWithin)), fixed + 1);
  const consumers = second.consumers + fixed;
  const isRight =
    consumers >= Math.min(0.8 * least, least - 1.5) && consumers <= Math.max(1.2 * most, most + 1.5);
  return isRight ? [] : [`${consumers} consumers at ${second.at} ms, right are ${least.toFixed(1)}`];
}

function notGone(seconds: readonly Second[], from: number, within: number): string[] {
  const at = from + 1.2 * within + SECOND;
  const second = seconds.find((each) => each.at >= at);
  const isGone = second === undefined || second.backlog <= Math.max(second.consumers, 1) + 1;
  return isGone
    ? []
    : [`backlog ${second.backlog} at ${second.at} ms, ${second.consumers} consumers: ${second.why}`];
}

/** What must hold in any run. */
export function alwaysWrong(seconds: readonly Second[], { rule, size: first }: Scenario): string[] {
  const wrong: string[] = [];
  let last = first;
  for (const { at, size, decision, blind, why } of seconds) {
    const isAllowed = Number.isInteger(size) && size >= Math.max(1, rule.min) && size <= rule.max;
    if (!isAllowed) wrong.push(`size ${size} at ${at} ms: ${why}`);
    if (blind && decision && size !== rule.min && size !== rule.max)
      wrong.push(`blind decision at ${at} ms: ${why}`);
    if (decision && size === last) wrong.push(`decision without a change at ${at} ms: ${why}`);
    if (size < last && size !== rule.max && size < last / 2)
      wrong.push(`from ${last} to ${size} at ${at} ms`);
    if (!why.endsWith(`-> ${size}`)) wrong.push(`size ${size}, but: ${why}`);
    last = size;
  }
  return wrong;
}

const RULE = { min: 1, max: 100, drainWithin: 10 * SECOND };
const withDrain = (drainWithin: number) => ({ ...RULE, drainWithin });

/** Ten minutes of a steady load ±20 %, and what else the scenario has. */
function steady(random: Random, more: Partial<Scenario> = {}): Scenario {
  const [load, work] = [random.whole(20, 2_000), random.pick([5, 20, 30])];
  return {
    seconds: 600,
    rule: withDrain(random.pick([5, 10, 30, 60]) * SECOND),
    size: Math.max(1, Math.ceil(right(load, work))),
    load: noisy(() => load),
    work: random.chance(0.5) ? () => work : longTail(work),
    ...more,
  };
}

const turnsNever: Family['check'] = (seconds, { size }) => reversals(seconds, size);

const STEP_AT = 30 * SECOND;

function steps(random: Random, more: Partial<Scenario> = {}): Scenario {
  const from = random.whole(50, 200);
  const to = from * random.whole(2, 10);
  const rule = withDrain(random.pick([10, 30]) * SECOND);
  const size = Math.max(1, Math.ceil(right(from)) - (more.fixed ?? 0));
  return { seconds: 90, rule, size, load: (ms) => (ms < STEP_AT ? from : to), ...more };
}

function rightAfterStep(seconds: readonly Second[], scenario: Scenario): string[] {
  const { load, rule } = scenario;
  const random = new Random(0);
  const [from, to] = [load(0, random), load(STEP_AT, random)];
  const decisions = decisionsOf(between(seconds, STEP_AT, STEP_AT + 50 * SECOND)).length;
  return [
    ...notRight(between(seconds, 0, STEP_AT).at(-1), from, scenario),
    ...notRight(between(seconds, STEP_AT, STEP_AT + 10 * SECOND).at(-1), to, scenario),
    ...notGone(seconds, STEP_AT, rule.drainWithin),
    ...(decisions > 3 ? [`${decisions} decisions`] : []),
  ];
}

function boundDownstream(random: Random): Scenario {
  const bound = random.whole(100, 400);
  const load = bound * (1.05 + 2 * random.next());
  return {
    seconds: 600,
    rule: { ...RULE, max: 1_000 },
    size: Math.ceil(bound / 50),
    load: () => load,
    bound: () => bound,
  };
}

export const FAMILIES: Readonly<Record<string, Family>> = {
  'a steady load with noise has no reversal in ten minutes': {
    scenario: (random) => steady(random),
    check: turnsNever,
  },
  'a steady load with noise has one reversal at most from one consumer on': {
    scenario: (random) => ({ ...steady(random), size: 1, rule: withDrain(30 * SECOND) }),
    // One that gives back what worked off the first backlog.
    check: (seconds, { size }) => reversals(seconds, size).slice(1),
  },
  'slow work needs no more consumers than there is work': {
    scenario: (random) => {
      const [load, work] = [random.whole(3, 20), random.whole(3, 8) * SECOND];
      return {
        seconds: 200,
        rule: { ...RULE, max: 1_000 },
        size: Math.ceil(right(load, work)),
        load: () => load,
        work: () => work,
      };
    },
    check: (seconds) => decisionsOf(seconds).map(({ at, why }) => `decision at ${at} ms: ${why}`),
  },
  'a low load that comes at random seldom has a reversal': {
    scenario: (random) => {
      const [load, work] = [random.whole(3, 30), random.whole(50, 500)];
      const size = Math.max(1, Math.ceil(right(load, work)));
      return {
        ...steady(random),
        rule: withDrain(30 * SECOND),
        size,
        load: byChance(load),
        work: () => work,
      };
    },
    check: (seconds, { size }) => {
      const turns = reversals(seconds, size);
      return turns.length > 4 ? turns : [];
    },
  },
  'a steady load has no reversal where a third of the measurements is lost': {
    scenario: (random) => steady(random, { lost: 0.3 }),
    check: turnsNever,
  },
  'a new leader goes on as the one before': {
    scenario: (random) => steady(random, { leaders: [...Array(9).keys()].map((n) => (n + 1) * MINUTE) }),
    check: turnsNever,
  },
  'processes that come and go change nothing': {
    scenario: (random) =>
      steady(random, { rule: withDrain(30 * SECOND), deaths: [100_000, 200_000, 400_000] }),
    check: turnsNever,
  },
  'after a step up the size is right within 10 s and three decisions, and the backlog goes': {
    scenario: (random) => steps(random),
    check: rightAfterStep,
  },
  'fixed consumers are subtracted': {
    scenario: (random) => steps(random, { fixed: 2 }),
    check: rightAfterStep,
  },
  'a step is followed where a third of the measurements is lost': {
    scenario: (random) => steps(random, { lost: 0.3 }),
    check: (seconds, scenario) => notGone(seconds, STEP_AT + 5 * SECOND, scenario.rule.drainWithin),
  },
  'a step is followed by a leader that is new': {
    scenario: (random) => steps(random, { leaders: [STEP_AT] }),
    check: (seconds, scenario) => notGone(seconds, STEP_AT + 4 * SECOND, scenario.rule.drainWithin),
  },
  'a step down is followed after a minute, by halves': {
    scenario: (random) => {
      const from = random.whole(500, 1_000);
      const to = random.whole(20, 100);
      return {
        seconds: 180,
        rule: RULE,
        size: Math.ceil(right(from)),
        load: (ms) => (ms < MINUTE ? from : to),
      };
    },
    check: (seconds, scenario) => {
      const load = scenario.load(MINUTE, new Random(0));
      const early = decisionsOf(between(seconds, MINUTE, MINUTE + ALMOST_A_MINUTE));
      return [
        ...notRight(between(seconds, MINUTE, MINUTE + 70 * SECOND).at(-1), load, scenario),
        ...notRight(seconds.at(-1), load, scenario),
        ...early.map(({ at }) => `too early: ${at} ms`),
      ];
    },
  },
  'a ramp is followed, and its backlog stays small': {
    scenario: (random) => {
      const top = random.whole(300, 1_500);
      return {
        seconds: 400,
        rule: RULE,
        size: 2,
        load: noisy((ms) => 30 + top * Math.min(1, ms / (5 * MINUTE))),
      };
    },
    check: (seconds, { size }) => [
      ...reversals(seconds, size),
      ...seconds
        .filter(({ backlog }) => backlog > 1_500)
        .map(({ at, backlog }) => `backlog ${backlog} at ${at} ms`),
    ],
  },
  'a slow wave is followed in both directions': {
    scenario: (random) => {
      const [mean, period] = [random.whole(200, 1_000), random.whole(5, 10) * MINUTE];
      const load = noisy((ms) => mean * (1 + 0.9 * Math.sin((2 * Math.PI * ms) / period)), 0.05);
      return { seconds: (2 * period) / SECOND, rule: RULE, size: Math.ceil(right(mean)), load };
    },
    check: (seconds, { size }) => {
      const [turns, sizes] = [reversals(seconds, size), seconds.map((second) => second.size)];
      const isFlat = Math.max(...sizes) < 2 * Math.min(...sizes);
      return [...(turns.length > 4 ? turns : []), ...(isFlat ? ['the size does not follow'] : [])];
    },
  },
  'a wave that is shorter than a minute is not followed down': {
    scenario: (random) => {
      const [mean, period] = [random.whole(200, 1_000), random.whole(15, 50) * SECOND];
      const load = noisy((ms) => mean * (1 + 0.9 * Math.sin((2 * Math.PI * ms) / period)), 0.05);
      return { seconds: 600, rule: withDrain(30 * SECOND), size: Math.ceil(right(mean)), load };
    },
    check: turnsNever,
  },
  'bursts are worked off, and the size waits for the next one': {
    scenario: (random) => {
      const [size, every] = [random.whole(500, 3_000), random.whole(20, 45) * SECOND];
      return { seconds: 600, rule: RULE, size: 5, load: (ms) => 20 + (ms % every === 0 ? 10 * size : 0) };
    },
    check: (seconds, { size }) => reversals(seconds, size),
  },
  'a large backlog is gone in time': {
    scenario: (random) => {
      const [drain, load] = [random.whole(30, 240) * SECOND, random.whole(20, 400)];
      return {
        seconds: 400,
        rule: { ...RULE, max: 500, drainWithin: drain },
        size: 2,
        load: () => load,
        backlog: random.whole(1_000, 200_000),
      };
    },
    check: (seconds, { rule, load, backlog = 0 }) => {
      const drain = right((0.7 * (backlog * SECOND)) / rule.drainWithin);
      const most = 1.3 * (right(load(0, new Random(0))) + drain) + 2;
      const tooMany = seconds.filter(({ size }) => size > most);
      return [
        ...notGone(seconds, 3 * SECOND, rule.drainWithin),
        ...tooMany.map(
          ({ at, size }) => `${size} consumers at ${at} ms, at most ${most.toFixed(1)} are of use`,
        ),
      ];
    },
  },
  'consumers that lose time between messages are counted as they are': {
    scenario: (random) => ({
      seconds: 200,
      rule: withDrain(10 * SECOND),
      size: 1,
      load: (ms) => (ms < STEP_AT ? 50 : 600),
      work: () => 5,
      overhead: 0.5 + 0.3 * random.next(),
    }),
    check: (seconds, { rule }) => notGone(seconds, STEP_AT + 20 * SECOND, rule.drainWithin),
  },
  'work that becomes slower gets more consumers, and is not taken for a bound downstream': {
    scenario: (random) => {
      const [load, slow] = [random.whole(50, 500), random.whole(40, 95)];
      const work: Scenario['work'] = (ms) => (ms < STEP_AT ? 20 : slow);
      return { seconds: 120, rule: RULE, size: Math.ceil(right(load)), load: () => load, work };
    },
    check: (seconds, { rule }) => [
      ...notGone(seconds, STEP_AT + 20 * SECOND, rule.drainWithin),
      ...seconds.filter(({ why }) => why.includes('bound')).map(({ at, why }) => `${at} ms: ${why}`),
    ],
  },
  'what is bound downstream does not run away, and says so': {
    scenario: boundDownstream,
    check: (seconds, { size }) => {
      const late = between(seconds, MINUTE, 10 * MINUTE);
      const last = seconds.at(-1);
      const wrong = decisionsOf(late).map(({ at, why }) => `decision at ${at} ms: ${why}`);
      if (last && last.size > 20 * size) wrong.push(`from ${size} to ${last.size}`);
      if (!late.some(({ why }) => why.includes('bound downstream')))
        wrong.push(`does not say so: ${last?.why}`);
      return wrong;
    },
  },
  'what was bound downstream goes on when that recovers': {
    scenario: (random) => {
      const { bound, load, ...scenario } = boundDownstream(random);
      return {
        ...scenario,
        load: (ms) => load(ms, random) * (ms < 3 * MINUTE ? 1 : 6),
        bound: (ms) => (ms < 3 * MINUTE ? (bound?.(ms) ?? 0) : 100_000),
      };
    },
    check: (seconds) => notGone(seconds, 4 * MINUTE, MINUTE),
  },
  'missing capacity is not taken for a bound downstream': {
    scenario: (random) =>
      steady(random, { load: () => 1_000, work: () => 20, capacity: random.whole(5, 15), size: 3 }),
    check: (seconds) =>
      seconds.filter(({ why }) => why.includes('bound')).map(({ at, why }) => `${at} ms: ${why}`),
  },
  'without measurements the size stays, and is right soon after': {
    scenario: (random) => steps(random, { blind: [20_000, 50_000] }),
    check: (seconds, scenario) => notGone(seconds, 51_000, scenario.rule.drainWithin),
  },
  'a paused group keeps its size, and works off what came meanwhile': {
    scenario: (random) => ({
      ...steps(random, { paused: [40_000, 60_000] }),
      seconds: 120,
      rule: withDrain(20_000),
    }),
    check: (seconds, scenario) => notGone(seconds, 64_000, scenario.rule.drainWithin),
  },
  'the size stays within the rule': {
    scenario: (random) => {
      const min = random.whole(0, 10);
      const rule = { min, max: min + random.whole(1, 5), drainWithin: 10 * SECOND };
      const load = noisy((ms) => (ms % (4 * MINUTE) < 2 * MINUTE ? random.pick([0, 2_000]) : 0));
      return { seconds: 600, rule, size: random.whole(0, 20), load };
    },
    check: () => [],
  },
};
