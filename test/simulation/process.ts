import type { MachineOptions } from '../../src/bridge/action.js';
import type { Limits } from '../../src/bridge/buffer.js';
import type { BridgeMachine } from '../../src/bridge/machine.js';
import { SeatWatch } from '../../src/bridge/seat-watch.js';
import type { Seat } from '../../src/core/bridge-store.js';
import type { ProcessRecord } from './history.js';
import { Host } from './host.js';
import { CommandLink } from './links.js';
import type { Recorder } from './recorder.js';
import type { Server } from './server.js';
import { LEASE, SimSession } from './session.js';

const SEAT_EVERY = 250;
const SECRET_PATIENCE = 6_000;
/** ms that a clean stop may take; then the messages left are abandoned. */
const STOP_TIMEOUT = 9_000;

export interface ProcessOptions {
  readonly id: string;
  readonly seats: number;
  readonly limits: Limits;
  readonly makeMachine: (options: MachineOptions) => BridgeMachine;
  readonly resubscribes: boolean;
  /** Whether later sessions wait until earlier ones have relayed their messages. */
  readonly waitsForElders: boolean;
  readonly carriesSeen: boolean;
  readonly wantsProof: boolean;
  /** Used instead of the monotonic clock of the process. */
  readonly clock: (() => number) | undefined;
}

/** Like src/bridge/bridge.ts, without promises: waits for a seat, subscribes, and subscribes anew. */
export class SimProcess {
  readonly host: Host;
  readonly link: CommandLink;
  readonly sessions = new Set<SimSession>();
  readonly record: ProcessRecord;
  readonly #options: ProcessOptions;
  readonly #server: Server;
  readonly #recorder: Recorder;
  #count = 0;
  #seen = 0;
  #secret: string;
  #secretKnown = false;
  #asksSince: number;
  #watch = new SeatWatch(LEASE);
  #stopping = false;
  /** The session that is subscribed. */
  #current: SimSession | undefined;
  gone = false;

  constructor(options: ProcessOptions, server: Server, recorder: Recorder) {
    this.#options = options;
    this.#secret = `made by ${options.id}`;
    this.#asksSince = server.timeline.now;
    this.#server = server;
    this.#recorder = recorder;
    this.host = new Host(server.timeline, server.random);
    this.link = new CommandLink(server, this.host);
    this.record = recorder.process(options.id, this.host);
    this.#takeSeat(undefined);
  }

  get id(): string {
    return this.#options.id;
  }

  get current(): SimSession | undefined {
    return this.#current;
  }

  #takeSeat(dead: Seat | undefined): void {
    if (this.#stopping) {
      this.#leaveWhenDone();
      return;
    }
    const { id, seats } = this.#options;
    const secretKnown = this.#secretKnown || this.#server.timeline.now - this.#asksSince > SECRET_PATIENCE;
    const request = {
      caller: id,
      seat: id,
      seats,
      seen: this.#seen,
      secret: this.#secret,
      secretKnown,
      dead,
    };
    this.link.send(
      (redis) => redis.mark(request),
      (reply) => {
        if ('mark' in reply) {
          if (this.#options.carriesSeen) this.#seen = reply.mark;
          this.#secret = reply.secret;
          this.#secretKnown = true;
          return this.#connect();
        }
        const silent = this.#watch.observe(reply.taken, this.host.clock());
        this.host.after(SEAT_EVERY, () => this.#takeSeat(silent));
      },
      () => this.#again(),
    );
  }

  #again(): void {
    this.#watch = new SeatWatch(LEASE);
    this.host.after(SEAT_EVERY, () => this.#takeSeat(undefined));
  }

  #connect(): void {
    const { random } = this.#server;
    this.host.after(random.whole(2, 60), () => {
      if (this.#stopping || this.#server.down) return this.#again();
      this.#subscribe();
    });
  }

  #subscribe(): void {
    const { id, seats, limits, makeMachine, resubscribes, waitsForElders, carriesSeen, wantsProof, clock } =
      this.#options;
    const session: SimSession = new SimSession(
      {
        id: `${id}#${++this.#count}`,
        seat: id,
        seats,
        seen: this.#seen,
        secret: this.#secret,
        wantsProof,
        limits,
        makeMachine,
        resubscribes,
        clock: clock ?? (() => this.host.clock()),
        mayTake: () => !waitsForElders || this.sessions.values().next().value === session,
        onDone: () => {
          this.sessions.delete(session);
          if (this.#stopping) this.#leaveWhenDone();
        },
        onEnd: () => {
          if (carriesSeen) this.#seen = Math.max(this.#seen, session.machine.seen);
          this.#current = undefined;
          if (!this.host.dead) this.host.after(1, () => this.#takeSeat(undefined));
        },
      },
      this.#server,
      this.host,
      this.link,
      this.#recorder,
    );
    this.sessions.add(session);
    this.#current = session;
    this.#recorder.note(() => `${id}#${this.#count} subscribes`);
    session.start();
  }

  #leaveWhenDone(): void {
    if (this.sessions.size > 0 || this.gone) return;
    this.link.send(
      (redis) => redis.leave(this.id),
      () => {
        this.gone = true;
      },
      () => {
        this.gone = true;
      },
    );
  }

  /** SIGTERM */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#current?.quit();
    this.host.after(STOP_TIMEOUT, () => {
      for (const session of [...this.sessions]) session.abandon();
    });
  }

  /** SIGKILL */
  kill(): void {
    this.host.kill();
    this.link.cut();
    for (const { subscription } of this.sessions) subscription.close();
    this.gone = true;
  }
}
