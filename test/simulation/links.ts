import type { Host } from './host.js';
import { type Output, type RedisModel, Refused } from './redis.js';
import type { Server } from './server.js';

/** ms after which a command without a reply is given up, and its connection made anew. */
export const REPLY_TIMEOUT = 2_500;

interface Request {
  readonly run: (redis: RedisModel) => unknown;
  readonly settle: (reply: unknown, failed: boolean) => void;
  arrived: boolean;
  lost: boolean;
  settled: boolean;
}

/**
 * The connection of a process for commands: in order in both directions, with a delay each. When it is cut, the outcome of
 * the commands under way is unknown: some were carried out, some will be, some never.
 */
export class CommandLink {
  readonly #server: Server;
  readonly #host: Host;
  #pending: Request[] = [];
  #waiting: Request[] = [];
  #up = true;
  #lastArrival = 0;
  #lastReply = 0;
  #generation = 0;
  /** The direction in which data is lost silently. */
  deaf: 'requests' | 'replies' | undefined;
  /** ms that each request takes more than usual. */
  slow = 0;

  constructor(server: Server, host: Host) {
    this.#server = server;
    this.#host = host;
    server.links.add(this);
    if (!server.down) return;
    this.#up = false;
    this.#reconnect(0, server.timeline.now, 100);
  }

  /** Sends a script. Calls `done` with the reply, or `failed` if Redis refused or the outcome is unknown. */
  send<Reply>(run: (redis: RedisModel) => Reply, done: (reply: Reply) => void, failed: () => void): void {
    const request: Request = {
      run,
      settle: (reply, hasFailed) => (hasFailed ? failed() : done(reply as Reply)),
      arrived: false,
      lost: false,
      settled: false,
    };
    const { random, timeline } = this.#server;
    if (this.#up) this.#dispatch(request);
    else if (random.chance(0.5)) this.#waiting.push(request);
    else timeline.after(random.whole(1, 60), () => this.#settle(request, undefined, true));
  }

  #dispatch(request: Request): void {
    const { random, timeline } = this.#server;
    this.#pending.push(request);
    const generation = this.#generation;
    if (this.deaf || this.slow) this.#watch(request);
    if (this.deaf === 'requests') return;
    this.#lastArrival = Math.max(this.#lastArrival, timeline.now + latency(random.next()) + this.slow);
    timeline.after(this.#lastArrival - timeline.now, () => {
      if (request.lost || this.#server.down) return;
      request.arrived = true;
      let reply: unknown;
      let failed = false;
      try {
        reply = request.run(this.#server.redis);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        failed = true;
      }
      if (this.deaf) this.#watch(request);
      if (this.deaf || request.settled || generation !== this.#generation) return;
      this.#lastReply = Math.max(this.#lastReply, timeline.now + latency(random.next()));
      timeline.after(this.#lastReply - timeline.now, () => {
        if (generation === this.#generation) this.#settle(request, reply, failed);
      });
    });
  }

  #watch(request: Request): void {
    this.#server.timeline.after(REPLY_TIMEOUT, () => {
      if (!request.settled && this.#pending.includes(request)) this.cut();
    });
  }

  #settle(request: Request, reply: unknown, failed: boolean): void {
    if (request.settled) return;
    request.settled = true;
    const at = this.#pending.indexOf(request);
    if (at >= 0) this.#pending.splice(at, 1);
    this.#host.run('commands', () => request.settle(reply, failed));
  }

  /** The connection ends; it is made anew after a while. */
  cut(): void {
    const { random, timeline } = this.#server;
    this.#generation++;
    this.#up = false;
    this.deaf = undefined;
    this.slow = 0;
    // Commands on their way may still arrive, the first more likely than the last.
    let arrives = random.chance(0.5);
    for (const request of this.#pending) {
      arrives &&= random.chance(0.8);
      if (!arrives) request.lost = true;
    }
    this.#lastArrival = 0;
    for (const request of [...this.#pending]) this.#settle(request, undefined, true);
    if (this.#host.dead) this.#server.links.delete(this);
    else this.#reconnect(this.#generation, timeline.now, random.whole(20, 300));
  }

  #reconnect(generation: number, since: number, ms: number): void {
    const { random, timeline } = this.#server;
    timeline.after(ms, () => {
      if (generation !== this.#generation || this.#host.dead) return;
      if (this.#server.down) {
        for (const request of this.#waiting.splice(0)) this.#settle(request, undefined, true);
        this.#reconnect(generation, since, random.whole(50, 300));
        return;
      }
      this.#up = true;
      this.#host.troubled(Math.max(since, this.#server.upAt), timeline.now);
      for (const request of this.#waiting.splice(0)) this.#dispatch(request);
    });
  }
}

/** The subscription of a session. Pushed items arrive later, in order; a cut loses the last of them. */
export class Subscription implements Output {
  readonly #server: Server;
  readonly #host: Host;
  readonly #deliver: (items: readonly (number | string)[]) => void;
  readonly #lost: () => void;
  #queue: (number | string)[] = [];
  #flushing = false;
  #open = true;
  /** Whether all items are lost silently. */
  deaf = false;
  /** ms by which the output is late. */
  late = 0;

  constructor(
    server: Server,
    host: Host,
    deliver: (items: readonly (number | string)[]) => void,
    lost: () => void,
  ) {
    this.#server = server;
    this.#host = host;
    this.#deliver = deliver;
    this.#lost = lost;
  }

  /** Redis knows the subscription from now on. */
  begin(): void {
    this.#server.redis.outputs.add(this);
  }

  push(item: number | string): void {
    this.#queue.push(item);
    if (this.#flushing || this.deaf) return;
    this.#flushing = true;
    this.#flushLater();
  }

  #flushLater(): void {
    const { random, timeline } = this.#server;
    timeline.after(latency(random.next()) + this.late, () => this.#flush());
  }

  #flush(): void {
    if (this.deaf) return;
    const { random } = this.#server;
    const most = this.#queue.length;
    const count = most > 1 && random.chance(0.1) ? random.whole(1, most) : most;
    const items = this.#queue.splice(0, count);
    this.#flushing = this.#queue.length > 0;
    if (this.#flushing) this.#flushLater();
    this.#host.run('output', () => {
      if (this.#open) this.#deliver(items);
    });
  }

  /** The connection ends: some of the items under way arrive, then the session learns of the end. */
  cut(): void {
    if (!this.#server.redis.outputs.delete(this)) return;
    const { random, timeline } = this.#server;
    this.#queue.length = random.chance(0.3) ? this.#queue.length : random.whole(0, this.#queue.length);
    if (this.deaf) this.#queue.length = 0;
    const wait = latency(random.next()) + this.late;
    timeline.after(wait + 1, () => {
      const items = this.#queue.splice(0);
      this.deaf = true;
      this.#host.run('output', () => {
        if (!this.#open) return;
        this.#deliver(items);
        this.#open = false;
        this.#lost();
      });
    });
  }

  /** Unsubscribes. Calls `done` when everything published before has arrived. */
  drain(done: () => void): void {
    const { random, timeline } = this.#server;
    if (this.deaf) {
      done();
      return;
    }
    timeline.after(latency(random.next()), () => {
      if (!this.#server.redis.outputs.delete(this)) return; // it was cut, and calls #lost
      timeline.after(latency(random.next()) + this.late, () => {
        const items = this.#queue.splice(0);
        this.#host.run('output', () => {
          if (this.#open) this.#deliver(items);
          done();
        });
      });
    });
  }

  /** The session ends it. */
  close(): void {
    this.#open = false;
    this.deaf = true;
    this.#server.redis.outputs.delete(this);
  }
}

/** ms: mostly a few, sometimes many. */
function latency(chance: number): number {
  return chance < 0.9 ? 1 + 15 * chance : 15 + 600 * (chance - 0.9);
}
