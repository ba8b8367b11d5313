import type { MachineOptions } from '../../src/bridge/action.js';
import { BridgeMachine } from '../../src/bridge/machine.js';
import { spoofedMark } from './adversary.js';
import type { History } from './history.js';
import type { CommandLink, Subscription } from './links.js';
import { SimProcess } from './process.js';
import { Random } from './random.js';
import { Recorder } from './recorder.js';
import { RedisModel } from './redis.js';
import { type Fault, ROOMY, type Schedule } from './schedule.js';
import type { Server } from './server.js';
import { LEASE } from './session.js';
import { Timeline } from './timeline.js';

/** ms in which everything must come to rest after the last fault. */
const PATIENCE = 15_000;
const REDIS_EPOCH = 1_000_000;

/** What is simulated: the real design, or one that lacks something. */
export interface Parts {
  readonly makeMachine: (options: MachineOptions) => BridgeMachine;
  readonly Redis: typeof RedisModel;
  readonly resubscribes: boolean;
  readonly waitsForElders: boolean;
  readonly carriesSeen: boolean;
  readonly wantsProof: boolean;
  readonly wallClock: boolean;
  readonly retains: boolean;
}

export const REAL: Parts = {
  makeMachine: (options) => new BridgeMachine(options),
  Redis: RedisModel,
  resubscribes: false,
  waitsForElders: true,
  carriesSeen: true,
  wantsProof: true,
  wallClock: false,
  retains: true,
};

/** Processes, publishers and one Redis in one schedule. */
export class World implements Server {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly redis: RedisModel;
  readonly links = new Set<CommandLink>();
  readonly subscriptions = new Set<Subscription>();
  down = false;
  upAt = 0;
  readonly #schedule: Schedule;
  readonly #parts: Parts;
  readonly #recorder: Recorder;
  #processes: SimProcess[] = [];
  #count = 0;
  #fullUntil = 0;

  constructor(schedule: Schedule, parts: Parts = REAL, trace?: (line: string) => void) {
    this.#schedule = schedule;
    this.#parts = parts;
    this.random = new Random(~schedule.seed);
    this.#recorder = new Recorder(() => this.timeline.now, trace);
    this.redis = new parts.Redis(() => REDIS_EPOCH + this.timeline.now, this.#recorder);
  }

  /** Runs the schedule. */
  run(): History {
    const { processes, faults, publications, calm, retain } = this.#schedule;
    for (const at of processes) this.timeline.after(at, () => this.#start());
    for (const fault of faults) this.timeline.after(fault.at, () => this.#fail(fault));
    this.#publish(publications, 0);
    let unrest: string[] = [];
    let look = calm + 1_500;
    while (this.timeline.now < calm + PATIENCE && this.timeline.step()) {
      if (this.timeline.now < look) continue;
      look += 200;
      unrest = this.#unrest();
      if (unrest.length === 0) break;
    }
    return this.#recorder.history(this.redis, this.#schedule.bufferBytes < ROOMY ? 0 : retain, LEASE, unrest);
  }

  #start(): void {
    const { seats, retain, bufferBytes } = this.#schedule;
    const { makeMachine, resubscribes, waitsForElders, carriesSeen, wantsProof, wallClock, retains } =
      this.#parts;
    const id = `p${++this.#count}`;
    this.#recorder.note(() => `process ${id} starts`);
    const process = new SimProcess(
      {
        id,
        seats,
        limits: { retain: retains ? retain : 0, retainBytes: retains ? 1e6 : 0, bytes: bufferBytes },
        makeMachine,
        resubscribes,
        waitsForElders,
        carriesSeen,
        wantsProof,
        clock: wallClock ? () => this.timeline.now + this.redis.skew : undefined,
      },
      this,
      this.#recorder,
    );
    this.#processes.push(process);
  }

  #publish(times: readonly number[], next: number): void {
    const at = times[next];
    if (at === undefined) return;
    this.timeline.after(at - this.timeline.now, () => {
      if (!this.down) this.redis.publish(this.#recorder.publishes());
      this.#publish(times, next + 1);
    });
  }

  #fail(fault: Fault): void {
    this.#recorder.note(() => `FAULT ${JSON.stringify(fault)}`);
    this.#processes = this.#processes.filter((process) => !process.host.dead && !process.gone);
    const process = this.#processes[fault.process % Math.max(1, this.#processes.length)];
    switch (fault.kind) {
      case 'Redis restarts':
        this.#restartRedis(fault.ms);
        if (fault.state === 'older')
          this.#recorder.loses(this.redis, this.upAt, () => this.redis.forget(fault.forgets));
        else if (fault.state === 'empty')
          this.#recorder.loses(this.redis, this.upAt, () => this.redis.empty());
        return;
      case 'Redis is older':
        this.#recorder.loses(this.redis, this.upAt, () => this.redis.forget(fault.forgets));
        return;
      case 'FLUSHALL':
        this.#recorder.loses(this.redis, this.upAt, () => this.redis.empty());
        return;
      case 'Redis is full':
        this.#fullUntil = Math.max(this.#fullUntil, this.timeline.now + fault.ms);
        this.redis.full = true;
        this.#recorder.unsettled(this.timeline.now + fault.ms);
        this.timeline.after(fault.ms, () => {
          this.redis.full = this.timeline.now < this.#fullUntil;
        });
        return;
      case 'the clock of Redis jumps':
        this.redis.skew += fault.by;
        return;
      case 'spoofed marks':
        this.#spoof(fault.count);
        return;
      default:
        if (process) this.#failProcess(process, fault);
    }
  }

  /** A client that may publish, but not read the group's keys, publishes on the channel of marks. */
  #spoof(count: number): void {
    if (this.down) return;
    for (let n = 0; n < count; n++) this.redis.says(spoofedMark(this.random, this.redis));
    this.timeline.after(this.random.whole(1, 150), () => {
      if (!this.down) this.redis.says(spoofedMark(this.random, this.redis));
    });
  }

  #failProcess(process: SimProcess, fault: Fault): void {
    const { link, host, current } = process;
    const { timeline } = this;
    switch (fault.kind) {
      case 'kill':
      case 'stop':
        if (fault.kind === 'kill') process.kill();
        else process.stop();
        if (fault.restartAfter !== undefined) timeline.after(fault.restartAfter, () => this.#start());
        return;
      case 'sleep':
        host.sleep(fault.ms);
        return;
      case 'late output': {
        const subscription = current?.subscription;
        if (!subscription) return;
        subscription.late = fault.ms;
        host.troubled(timeline.now, timeline.now + 2 * fault.ms);
        timeline.after(fault.ms, () => {
          subscription.late = 0;
        });
        return;
      }
      case 'slow commands':
        link.slow = fault.ms;
        timeline.after(fault.ms, () => {
          link.slow = 0;
        });
        host.troubled(timeline.now, timeline.now + 2 * fault.ms);
        return;
      case 'cut subscription':
        current?.subscription.cut();
        return;
      case 'deaf subscription':
        if (current) current.subscription.deaf = true;
        // It does not learn that the lead is free.
        host.troubled(timeline.now, timeline.now + 3 * LEASE);
        return;
      case 'cut commands':
        link.cut();
        return;
      case 'deaf commands':
        link.deaf = fault.way;
        host.troubled(timeline.now, timeline.now + 2 * LEASE);
        return;
    }
  }

  #restartRedis(ms: number): void {
    this.down = true;
    this.upAt = Math.max(this.upAt, this.timeline.now + ms);
    for (const subscription of [...this.redis.outputs]) (subscription as Subscription).cut();
    for (const link of [...this.links]) link.cut();
    this.timeline.after(ms, () => {
      this.down = this.timeline.now < this.upAt;
    });
  }

  /** What is not at rest yet. */
  #unrest(): string[] {
    const unrest: string[] = [];
    const alive = this.#processes.filter(({ host, gone }) => !host.dead && !gone);
    const sessions = alive.flatMap((process) => [...process.sessions]);
    for (const { machine, record, endReason } of sessions) {
      if (machine.buffered > 0) unrest.push(`${record.id} has ${machine.buffered} messages left`);
      if (endReason) unrest.push(`${record.id} is not done, though it ended: ${endReason}`);
    }
    const leaders = sessions.filter(({ machine }) => machine.phase === 'leading');
    if (alive.length > 0 && !leaders.some(({ record }) => record.id === this.redis.holder))
      unrest.push(`no bridge leads: Redis says ${this.redis.holder || 'none'}`);
    return unrest;
  }
}
