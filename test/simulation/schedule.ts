import { Random } from './random.js';

/** Something that goes wrong, and when. `process` is an index into the live processes, modulo their number. */
export type Fault = { readonly at: number; readonly process: number } & (
  | { readonly kind: 'kill' | 'stop'; readonly restartAfter: number | undefined }
  | { readonly kind: 'sleep' | 'late output' | 'slow commands'; readonly ms: number }
  | { readonly kind: 'cut subscription' | 'deaf subscription' | 'cut commands' }
  | { readonly kind: 'deaf commands'; readonly way: 'requests' | 'replies' }
  | {
      readonly kind: 'Redis restarts';
      readonly ms: number;
      readonly state: 'same' | 'older' | 'empty';
      readonly forgets: number;
    }
  | { readonly kind: 'Redis is older'; readonly forgets: number }
  | { readonly kind: 'FLUSHALL' }
  | { readonly kind: 'Redis is full'; readonly ms: number }
  | { readonly kind: 'the clock of Redis jumps'; readonly by: number }
  | { readonly kind: 'spoofed marks'; readonly count: number }
);

/** What a seed decides in advance; the rest, such as each delay, is decided on the way. */
export interface Schedule {
  readonly seed: number;
  readonly processes: readonly number[];
  readonly seats: number;
  /** When messages are published; several at a time are a burst. */
  readonly publications: readonly number[];
  readonly faults: readonly Fault[];
  /** When the last fault is over. */
  readonly calm: number;
  readonly retain: number;
  readonly bufferBytes: number;
}

/** Bytes of a buffer that is never full. */
export const ROOMY = 1_000_000;

type Kind = Fault['kind'];

const WEIGHTS: Readonly<Record<Kind, number>> = {
  kill: 5,
  stop: 3,
  sleep: 5,
  'late output': 3,
  'slow commands': 2,
  'cut subscription': 5,
  'deaf subscription': 1,
  'cut commands': 3,
  'deaf commands': 1,
  'Redis restarts': 4,
  'Redis is older': 1,
  FLUSHALL: 1,
  'Redis is full': 2,
  'the clock of Redis jumps': 2,
  'spoofed marks': 5,
};

export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed);
  const putBack = random.chance(0.04);
  const processes = Array.from({ length: random.pick([1, 2, 2, 2, 3, 3, 4]) }, () =>
    putBack || random.chance(0.7) ? random.whole(0, 50) : random.whole(0, 2_000),
  );
  const length = random.pick([1_500, 3_000, 3_000, 5_000]);
  const faults: Fault[] = putBack ? clockPutBack(random, length) : [];
  for (let count = putBack ? 0 : random.pick([0, 1, 1, 2, 2, 3, 4, 6]); count > 0; count--)
    faults.push(faultOf(random, random.whole(300, length)));
  faults.sort((a, b) => a.at - b.at);
  const loses = faults.some(({ kind }) => LOSING.has(kind));
  const full = faults.some(({ kind }) => kind === 'Redis is full');
  const publications: number[] = [];
  const publishers = random.whole(1, 3);
  for (let n = 0; n < publishers; n++) {
    const pace = random.pick([30, 100, 100, 300, 800]);
    for (let at = random.whole(0, 300); at < length + 500; at += random.whole(1, 2 * pace))
      for (let burst = random.chance(0.05) ? random.whole(2, 15) : 1; burst > 0; burst--)
        publications.push(at);
  }
  publications.sort((a, b) => a - b);
  const ends = faults.map((fault) => fault.at + ('ms' in fault ? fault.ms : 0));
  return {
    seed,
    processes,
    seats: putBack ? processes.length : random.pick([1, 2, 2, 2, 3]),
    publications,
    faults: loses && !putBack ? faults.map(onlyForward) : faults,
    calm: Math.max(length + 600, ...ends),
    retain: random.chance(0.2) ? random.whole(0, 1_500) : 5_000,
    bufferBytes: full && random.chance(0.7) ? random.whole(100, 600) : ROOMY,
  };
}

/**
 * Redis restarts with its clock put back, and may give forgotten numbers of marks again: bridges that have seen them report
 * them. That does not help if a bridge may not have seen all of them, so these schedules have no other faults, and no
 * processes that start later or wait for a seat.
 */
function clockPutBack(random: Random, length: number): Fault[] {
  const at = random.whole(500, length);
  const process = 0;
  return [
    { at, process, kind: 'the clock of Redis jumps', by: random.whole(-60_000, -1_000) },
    { at: at + random.whole(1, 300), process, ...restart(random) },
  ];
}

/** Faults that make Redis lose data. */
const LOSING: ReadonlySet<Kind> = new Set(['Redis restarts', 'Redis is older', 'FLUSHALL']);

function onlyForward(fault: Fault): Fault {
  return fault.kind === 'the clock of Redis jumps' ? { ...fault, by: Math.abs(fault.by) } : fault;
}

function restart(random: Random) {
  const states = { same: 3, older: 4, empty: 2 } as const;
  return {
    kind: 'Redis restarts',
    ms: random.chance(0.6) ? random.whole(1, 300) : random.whole(1_000, 3_000),
    state: random.weighted(states),
    forgets: random.whole(1, 25),
  } as const;
}

function faultOf(random: Random, at: number): Fault {
  const kind = random.weighted(WEIGHTS);
  const place = { at, process: random.whole(0, 3) };
  const duration = random.chance(0.5) ? random.whole(20, 600) : random.whole(1_000, 4_500);
  switch (kind) {
    case 'kill':
    case 'stop':
      return { ...place, kind, restartAfter: random.chance(0.7) ? random.whole(10, 1_500) : undefined };
    case 'sleep':
    case 'late output':
    case 'Redis is full':
      return { ...place, kind, ms: duration };
    case 'slow commands':
      return { ...place, kind, ms: random.whole(100, 3_000) };
    case 'deaf commands':
      return { ...place, kind, way: random.pick(['requests', 'replies']) };
    case 'Redis restarts':
      return { ...place, ...restart(random) };
    case 'Redis is older':
      return { ...place, kind, forgets: random.whole(1, 25) };
    case 'the clock of Redis jumps':
      return { ...place, kind, by: random.chance(0.7) ? random.whole(0, 60_000) : random.whole(-60_000, 0) };
    case 'spoofed marks':
      return { ...place, kind, count: random.whole(1, 6) };
    default:
      return { ...place, kind };
  }
}
