import { Random } from './random.js';

/** Something that goes wrong, and when. `process` counts from 0, modulo those that live. */
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
  | { readonly kind: 'the clock of Redis jumps'; readonly ms: number }
);

/** All that a seed decides before anything happens; the rest, such as each delay, is decided on the way. */
export interface Schedule {
  readonly seed: number;
  readonly processes: readonly number[];
  readonly seats: number;
  /** When messages are published; several at a time are a burst. */
  readonly publications: readonly number[];
  readonly faults: readonly Fault[];
  /** When the last fault is over, and nothing else goes wrong. */
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
};

export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed);
  const processes = Array.from({ length: random.pick([1, 2, 2, 2, 3, 3, 4]) }, () =>
    random.chance(0.7) ? random.whole(0, 50) : random.whole(0, 2_000),
  );
  const length = random.pick([1_500, 3_000, 3_000, 5_000]);
  let faults: Fault[] = [];
  for (let count = random.pick([0, 1, 1, 2, 2, 3, 4, 6]); count > 0; count--)
    faults.push(faultOf(random, random.whole(300, length)));
  faults.sort((a, b) => a.at - b.at);
  // A Redis that loses marks and has its clock put back can give their numbers again. The bridges say which marks
  // they have seen, but not each has seen all: this is a weakness that is known, and left out here.
  const forgetful = faults.some(({ kind }) => kind.startsWith('Redis') || kind === 'FLUSHALL');
  if (forgetful) faults = faults.map(withoutSetback);
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
  const ends = faults.map((fault) => fault.at + ('ms' in fault && fault.ms > 0 ? fault.ms : 0));
  return {
    seed,
    processes,
    seats: random.pick([1, 2, 2, 2, 3]),
    publications,
    faults,
    calm: Math.max(length + 600, ...ends),
    retain: random.chance(0.2) ? random.whole(0, 1_500) : 5_000,
    bufferBytes: full && random.chance(0.7) ? random.whole(500, 3_000) : ROOMY,
  };
}

function withoutSetback(fault: Fault): Fault {
  return fault.kind === 'the clock of Redis jumps' ? { ...fault, ms: Math.abs(fault.ms) } : fault;
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
      return {
        ...place,
        kind,
        ms: random.chance(0.6) ? random.whole(1, 300) : random.whole(1_000, 3_000),
        state: random.weighted({ same: 3, older: 4, empty: 2 }) as 'same',
        forgets: random.whole(1, 25),
      };
    case 'Redis is older':
      return { ...place, kind, forgets: random.whole(1, 25) };
    case 'the clock of Redis jumps':
      return { ...place, kind, ms: random.whole(-60_000, 60_000) };
    default:
      return { ...place, kind };
  }
}
