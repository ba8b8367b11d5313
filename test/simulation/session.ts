import type { Action, MachineOptions } from '../../src/bridge/action.js';
import type { Limits } from '../../src/bridge/buffer.js';
import type { BridgeMachine } from '../../src/bridge/machine.js';
import { type MadeMark, MOST_AHEAD } from '../../src/core/bridge-store.js';
import { readMark } from '../../src/core/marks.js';
import type { SessionRecord } from './history.js';
import type { Host } from './host.js';
import { type CommandLink, Subscription } from './links.js';
import { messageOf } from './messages.js';
import type { Recorder } from './recorder.js';
import type { RedisModel } from './redis.js';
import type { Server } from './server.js';

/** Twice as long as in src/bridge/session.ts, and half as many: marks cost the most time here. */
export const MARK_EVERY = 200;
const UNHEARD_MARKS = 10;
const RETRY_EVERY = 100;
/** Few, for many relays. */
const MAX_MESSAGES = 5;
const MAX_BYTES = 1_000;

export const LEASE = 1_000;

export interface SessionOptions {
  readonly id: string;
  readonly seat: string;
  readonly seats: number;
  readonly seen: number;
  readonly secret: string;
  /** Whether a mark must prove that it is genuine. */
  readonly wantsProof: boolean;
  readonly limits: Limits;
  readonly mayTake: () => boolean;
  /** Its machine has ended: nothing is left to do. */
  readonly onDone: () => void;
  /** Its subscription has ended. */
  readonly onEnd: () => void;
  readonly makeMachine: (options: MachineOptions) => BridgeMachine;
  /** Whether the subscription is renewed silently when it is cut. */
  readonly resubscribes: boolean;
  /** The monotonic clock of the session. */
  readonly clock: () => number;
}

/** Like src/bridge/session.ts, without promises: carries out the actions of the machine. */
export class SimSession {
  readonly machine: BridgeMachine;
  readonly record: SessionRecord;
  subscription: Subscription;
  readonly #options: SessionOptions;
  readonly #server: Server;
  readonly #host: Host;
  readonly #link: CommandLink;
  readonly #recorder: Recorder;
  #acting = false;
  #unheard = 0;
  #clock = Number.POSITIVE_INFINITY;
  #endReason: string | undefined;
  #done = false;
  /** When Redis last carried out an action of this session: it knows of nothing later. */
  #askedAt = 0;

  constructor(options: SessionOptions, server: Server, host: Host, link: CommandLink, recorder: Recorder) {
    this.#options = options;
    this.#server = server;
    this.#host = host;
    this.#link = link;
    this.#recorder = recorder;
    this.machine = options.makeMachine({
      id: options.id,
      lease: LEASE,
      maxMessages: MAX_MESSAGES,
      maxBytes: MAX_BYTES,
      limits: options.limits,
      seen: options.seen,
    });
    this.record = recorder.session(options.id, options.seat);
    this.subscription = this.#subscription();
  }

  get endReason(): string | undefined {
    return this.#endReason;
  }

  #subscription(): Subscription {
    const subscription = new Subscription(
      this.#server,
      this.#host,
      (items) => this.#receive(items),
      () => this.#lost(),
    );
    this.#server.subscriptions.add(subscription);
    return subscription;
  }

  #lost(): void {
    this.#server.subscriptions.delete(this.subscription);
    if (!this.#options.resubscribes) {
      this.end('the subscription was cut');
      return;
    }
    this.subscription = this.#subscription();
    this.#host.after(20, () => this.subscription.begin());
  }

  /** Subscribes, asks for the last mark, and then marks and relays. */
  start(): void {
    this.subscription.begin();
    this.#link.send(
      (redis) => redis.lastMark(),
      (last) => {
        this.machine.subscribed(last);
        this.run();
      },
      () => this.end('it does not know the last mark'),
    );
  }

  /** Marks and relays until the machine has ended. */
  run(): void {
    if (this.#done) return;
    if (this.machine.phase === 'ended') {
      this.#finish();
      return;
    }
    const again = () => {
      this.act();
      this.#host.after(MARK_EVERY, () => this.run());
    };
    if (this.#endReason && this.machine.phase !== 'leading') {
      again();
      return;
    }
    const { id, seat, seats, secret } = this.#options;
    const request = { caller: id, seat, seats, secret, secretKnown: true, ...this.machine.markIntent() };
    this.#link.send(
      (redis) => redis.mark(request),
      (reply) => {
        if ('taken' in reply) {
          this.record.unseated = true;
          this.end('another bridge took the seat');
        } else this.#marked(reply);
        again();
      },
      again,
    );
  }

  #marked(reply: MadeMark): void {
    this.#clock = reply.clock;
    if (reply.lease.relayed) this.#recorder.knows(this.record);
    this.machine.marked(reply, this.#options.clock());
    if (reply.secret !== this.#options.secret) this.end('the secret has changed');
    else if (++this.#unheard > UNHEARD_MARKS) this.end('nothing comes back');
  }

  end(reason: string): void {
    if (this.#endReason) return;
    this.#endReason = reason;
    this.#recorder.note(() => `${this.#options.id} ends: ${reason}`);
    this.machine.end();
    this.subscription.close();
    this.#server.subscriptions.delete(this.subscription);
    this.#options.onEnd();
    this.act();
  }

  quit(): void {
    if (this.#endReason) return;
    this.subscription.drain(() => this.end('stopped'));
  }

  abandon(): void {
    if (this.machine.phase !== 'ended') this.record.abandonedAt = this.#host.timeline.now;
    this.end('abandoned');
    this.machine.abandon();
    this.#finish();
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.record.endedAt ??= this.#askedAt;
    this.#recorder.note(() => `${this.#options.id} is done`);
    this.#options.onDone();
  }

  #receive(items: readonly (number | string)[]): void {
    this.#unheard = 0;
    for (const item of items) {
      if (typeof item === 'number') {
        const { dropped } = this.machine;
        this.machine.message(messageOf(item));
        this.#recorder.received(this.record, item, this.machine.dropped > dropped);
      } else {
        const number = this.#numberOf(item);
        if (number === undefined) continue;
        this.machine.cut(number, this.#options.clock());
        if (this.machine.phase !== 'joining' && this.machine.seen === number)
          this.#recorder.heard(this.record, number);
      }
    }
    this.act();
  }

  #numberOf(text: string): number | undefined {
    const { secret, wantsProof } = this.#options;
    if (wantsProof) return readMark(text, secret, this.#clock + MOST_AHEAD)?.number;
    return Number.parseInt(text, 10) || undefined;
  }

  act(): void {
    if (this.#acting || this.#done) return;
    const action = this.machine.next(this.#options.clock(), this.#options.mayTake());
    if (!action) {
      if (this.machine.phase === 'ended') this.#finish();
      return;
    }
    this.#acting = true;
    this.#recorder.note(() => `${this.#options.id} wants to ${describe(action)}`);
    const answered = <Reply>(take: (reply: Reply, now: number) => void) => {
      return (reply: Reply) => {
        take.call(this.machine, reply, this.#options.clock());
        this.#acting = false;
        if (this.machine.phase === 'ended') this.#finish();
        // The next look is for the next turn of run().
        else if (action.kind !== 'look') this.act();
      };
    };
    const failed = () => {
      this.machine.failed(this.#options.clock());
      this.#host.after(RETRY_EVERY, () => {
        this.#acting = false;
        if (action.kind !== 'look') this.act();
      });
    };
    const { id } = this.#options;
    const { machine } = this;
    const ask = <Reply>(run: (redis: RedisModel) => Reply, take: (reply: Reply, now: number) => void) =>
      this.#link.send(
        (redis) => {
          this.#askedAt = this.#host.timeline.now;
          return run(redis);
        },
        answered(take),
        failed,
      );
    if (action.kind === 'take') ask((redis) => redis.take(id, action.token, action.beat), machine.took);
    else if (action.kind === 'relay')
      ask((redis) => redis.relay({ caller: id, packSize: 1, ...action }), machine.wrote);
    else if (action.kind === 'look') ask((redis) => redis.look(), machine.looked);
    else ask((redis) => redis.release(id, action.token, action.position), machine.released);
  }
}

const place = (position: { epoch: number; offset: number } | undefined) =>
  position ? `${position.epoch}/${position.offset}` : 'nowhere';

function describe(action: Action): string {
  if (action.kind === 'take') return `take the lead from (${action.token}, ${action.beat})`;
  if (action.kind === 'relay') {
    const numbers = Array.from(action.messages, (message) => message.readUInt32BE()).join(' ');
    const gap = action.gap ? `, with a gap: ${action.gap.reason} (${action.gap.dropped})` : '';
    return `relay [${numbers}] from ${place(action.from)} to ${place(action.to)}${gap}`;
  }
  return action.kind === 'release' ? `give up the lead at ${place(action.position)}` : 'look at the lease';
}
