import type { Autoscaler, Decision } from '../../../src/control/autoscale.js';
import type { Measurement, Work } from '../../../src/control/load.js';
import type { AutoscaleRule } from '../../../src/core/control.js';
import { Random } from '../random.js';

/** ms of a step of the model. */
const TICK = 100;
const SECOND = 1_000;

/** The part of the autoscaler that the model drives; a mutant has it, too. */
export type Scaler = Pick<Autoscaler, 'observe' | 'why'>;
export type MakeScaler = (rule: AutoscaleRule, size: number) => Scaler;

/** A group, its load, and what goes wrong with it. Times in ms since the start, rates per second. */
export interface Scenario {
  readonly seconds: number;
  readonly rule: AutoscaleRule;
  /** Desired size, and live consumers, at the start. */
  readonly size: number;
  /** Messages per second that come in at a time. */
  readonly load: (ms: number, random: Random) => number;
  /** ms of work of a message at a time; 20 unless given. */
  readonly work?: (ms: number, random: Random) => number;
  /** Share of a consumer's time that is lost between messages, and is not counted as busy. */
  readonly overhead?: number;
  /** Most messages per second that what lies downstream takes at a time, from all consumers together. */
  readonly bound?: (ms: number) => number;
  /** Consumers of a process that is not managed. */
  readonly fixed?: number;
  /** Messages that wait at the start. */
  readonly backlog?: number;
  /** Consumers that the managed processes may run together. */
  readonly capacity?: number;
  /** The share of measurements that are lost. */
  readonly lost?: number;
  /** From ... to: no measurement arrives. */
  readonly blind?: readonly [from: number, to: number];
  readonly paused?: readonly [from: number, to: number];
  /** Each of these moments has a new leader. */
  readonly leaders?: readonly number[];
  /** At each of these moments a managed process dies (its consumers are back after 4 s), and a new one comes. */
  readonly deaths?: readonly number[];
}

/** One second of a run. */
export interface Second {
  /** ms since the start. */
  readonly at: number;
  /** Desired size, after what was decided now. */
  readonly size: number;
  readonly consumers: number;
  readonly backlog: number;
  readonly decision: Decision | undefined;
  /** The autoscaler had no measurement, or the group was paused. */
  readonly blind: boolean;
  readonly why: string;
}

interface Process {
  readonly id: string;
  readonly managed: boolean;
  work: Work;
}

/**
 * A group in which messages are a stream: so much flows in, and so much as the consumers can do flows out. What the
 * autoscaler decides becomes true after a heartbeat or less.
 */
export class GroupModel {
  readonly #scenario: Scenario;
  readonly #random: Random;
  readonly #make: MakeScaler;
  #scaler: Scaler;
  #size: number;
  #consumers: number;
  #coming: { at: number; size: number }[] = [];
  #queue: number;
  #inWork = 0;
  #relayed: number;
  #settled = 0;
  /** Messages settled, and ms of work, that no process has in its numbers yet. */
  #done = 0;
  #busyMs = 0;
  #processes: Process[];
  #made = 0;

  constructor(scenario: Scenario, seed: number, make: MakeScaler) {
    this.#scenario = scenario;
    this.#random = new Random(seed);
    this.#make = make;
    this.#size = scenario.size;
    this.#consumers = scenario.size;
    this.#queue = scenario.backlog ?? 0;
    this.#relayed = this.#queue;
    this.#scaler = make(scenario.rule, scenario.size);
    this.#processes = [this.#process(true), this.#process(true)];
    if (scenario.fixed) this.#processes.push(this.#process(false));
  }

  run(): Second[] {
    const seconds: Second[] = [];
    const { leaders, deaths, rule } = this.#scenario;
    // The heartbeat and the steps of the load have nothing to do with each other.
    const phase = TICK * this.#random.whole(1, SECOND / TICK);
    for (let at = TICK; at <= this.#scenario.seconds * SECOND; at += TICK) {
      if (deaths?.includes(at)) this.#die(at);
      if (this.#coming.length > 0) this.#arrive(at);
      this.#flow(at);
      if (leaders?.includes(at)) this.#scaler = this.#make(rule, this.#size);
      if (at % SECOND === phase % SECOND) seconds.push(this.#beat(at));
    }
    return seconds;
  }

  #arrive(at: number): void {
    for (const coming of this.#coming) if (coming.at <= at) this.#consumers = coming.size;
    this.#coming = this.#coming.filter((coming) => coming.at > at);
  }

  #beat(at: number): Second {
    this.#share();
    const measurement = this.#measure(at);
    const decision = this.#scaler.observe(measurement);
    if (decision) this.#apply(decision, at);
    const { why } = this.#scaler;
    const backlog = Math.round(this.#queue + this.#inWork);
    return {
      at,
      size: this.#size,
      consumers: this.#consumers,
      backlog,
      decision,
      blind: !measurement || measurement.paused,
      why,
    };
  }

  #apply({ size }: Decision, at: number): void {
    this.#size = size;
    const real = Math.min(size, this.#scenario.capacity ?? size);
    this.#coming.push({ at: at + TICK * this.#random.whole(1, SECOND / TICK), size: real });
  }

  #measure(at: number): Measurement | undefined {
    const { lost = 0, blind, fixed = 0, capacity = 1_000 } = this.#scenario;
    if (isWithin(at, blind) || (lost > 0 && this.#random.chance(lost))) return undefined;
    const [relayed, settled] = [Math.floor(this.#relayed), Math.floor(this.#settled)];
    return {
      at,
      relayed,
      settled,
      backlog: relayed - settled,
      consumers: this.#consumers,
      fixed,
      capacity,
      paused: isWithin(at, this.#scenario.paused),
      work: Object.fromEntries(this.#processes.map(({ id, work }) => [id, work])),
    };
  }

  #flow(at: number): void {
    const { load, work, fixed = 0, paused } = this.#scenario;
    const arrived = (load(at, this.#random) * TICK) / SECOND;
    this.#relayed += arrived;
    this.#queue += arrived;
    if (isWithin(at, paused)) return;
    const all = this.#consumers + fixed;
    const ms = work?.(at, this.#random) ?? 20;
    if (ms > TICK) this.#workSlowly(all, ms);
    else this.#workFast(at, all, ms);
  }

  /** Messages stay in work for longer than a step, for a random time. */
  #workSlowly(all: number, ms: number): void {
    const begun = Math.min(this.#queue, Math.max(0, all - this.#inWork));
    this.#queue -= begun;
    this.#inWork += begun;
    const done = (this.#inWork * TICK) / ms;
    this.#busyMs += this.#inWork * TICK;
    this.#inWork -= done;
    this.#done += done;
  }

  #workFast(at: number, all: number, ms: number): void {
    const { overhead = 0, bound } = this.#scenario;
    const able = (all * TICK * (1 - overhead)) / ms;
    const taken = bound ? (bound(at) * TICK) / SECOND : able;
    const done = Math.min(this.#queue, able, taken);
    // Where what lies downstream is the limit, consumers are busy waiting for it.
    this.#busyMs += taken < Math.min(this.#queue, able) ? all * TICK : done * ms;
    this.#queue -= done;
    this.#done += done;
  }

  /** Gives each process its part of what was done since the last time. */
  #share(): void {
    const fixed = this.#scenario.fixed ?? 0;
    const managed = this.#processes.filter((process) => process.managed).length;
    for (const process of this.#processes) {
      const part =
        (process.managed ? this.#consumers / managed : fixed) / Math.max(1, this.#consumers + fixed);
      const { settled, busyMs } = process.work;
      process.work = { settled: settled + this.#done * part, busyMs: busyMs + this.#busyMs * part };
    }
    this.#settled += this.#done;
    [this.#done, this.#busyMs] = [0, 0];
  }

  /** Takes a process away with its numbers, and a new one begins at zero. */
  #die(at: number): void {
    this.#share();
    this.#processes = [...this.#processes.slice(1), this.#process(true)];
    this.#coming.push({ at: at + 4_000, size: this.#consumers });
    this.#consumers = Math.floor(this.#consumers / 2);
  }

  #process(managed: boolean): Process {
    return { id: `p${this.#made++}`, managed, work: { settled: 0, busyMs: 0 } };
  }
}

function isWithin(at: number, span: readonly [number, number] | undefined): boolean {
  return span !== undefined && at >= span[0] && at < span[1];
}
