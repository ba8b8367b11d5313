import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import { bridgeOf, type Gap, type Seat } from '../core/bridge-store.js';
import { pause, type Service } from '../core/service.js';
import type { Subscriber } from '../core/subscriber.js';
import { plural } from '../core/words.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import type { Phase } from './action.js';
import { logGap } from './gap-log.js';
import { SeatWatch } from './seat-watch.js';
import { BridgeSession } from './session.js';
import type { ChannelOptions } from './session-options.js';

/** ms between two tries of a bridge to get a seat. */
const SEAT_EVERY = 250;
/** ms to wait for a bridge that knows the secret of the marks: longer than one waits for a reply to its mark. */
const SECRET_PATIENCE = 6_000;

export interface BridgeOptions extends ChannelOptions {
  /** Unique among all bridges of the group. */
  readonly id: string;
  /** Makes a subscriber that is not connected yet; each session has its own. */
  readonly makeSubscriber: () => Subscriber;
  /** Called every second while it is subscribed, with the bytes of the messages received since. */
  readonly onRate: (bytesPerSecond: number) => void;
  /**
   * ms for which bridges that come to another server take no messages there: in the first half of it, what was received at the
   * server before may still be relayed; in the second half such messages may still come here. 0 or none if no message comes to both.
   */
  readonly pauseAfterMove?: number;
}

export interface BridgeEvents {
  /** It leads: this bridge relays the published messages. */
  leading: [];
  /** It led, and another bridge took the lead. */
  fenced: [];
  /** Messages may have been missed. */
  gap: [gap: Gap];
}

/**
 * Relays the channel into the inbox, together with the other bridges of the group: waits for a seat, subscribes, and leads or
 * follows. When its subscription ends, it subscribes anew.
 */
export class Bridge extends EventEmitter<BridgeEvents> implements Service {
  readonly #options: BridgeOptions;
  readonly #stopping = new AbortController();
  readonly #failures: ThrottledLog<unknown>;
  readonly #sessions = new Map<BridgeSession, Promise<void>>();
  /** A subscriber that is not subscribed yet. */
  #connecting: Subscriber | undefined;
  /** The leader named in the log since this bridge last led or subscribed. */
  #leader: string | undefined;
  #running: Promise<void> | undefined;
  #count = 0;
  /** The highest mark that a session has seen, or that came with the seat. */
  #seen = 0;
  /** The first mark that gives positions: see {@link MachineOptions.positionsFrom}. */
  #positionsFrom = 0;
  /** The secret of the marks; until Redis has sent it, a new one to use if there is none. */
  #secret = randomBytes(32).toString('hex');
  #secretKnown = false;
  /** Makes {@link start} return. */
  #resolveStart: () => void = () => {};

  constructor(options: BridgeOptions) {
    super();
    this.#options = options;
    this.#failures = repeatedFailures(options.log, 'the bridge is not subscribed', 'warn');
  }

  /** Whether this bridge relays the published messages. */
  get leads(): boolean {
    return [...this.#sessions.keys()].some(({ phase }) => phase === 'leading');
  }

  /** Whether it leads, follows, or waits for a seat. False between its subscription and its first mark. */
  get inStep(): boolean {
    const newest = [...this.#sessions.keys()].at(-1);
    return !newest || newest.phase === 'following' || newest.phase === 'leading';
  }

  /** Messages received and not known to be relayed. */
  get buffered(): number {
    let sum = 0;
    for (const session of this.#sessions.keys()) sum += session.buffered;
    return sum;
  }

  /** Returns when every message published from now on is relayed, by this bridge or by those with the seats. */
  async start(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#resolveStart = resolve;
      this.#running ??= this.#run();
    });
  }

  /** Unsubscribes, relays the messages received, gives up lead and seat. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#connecting?.close();
    await Promise.all([...this.#sessions.keys()].map((session) => session.quit()));
    await this.#running;
    await Promise.all(this.#sessions.values());
  }

  /** Makes a {@link stop} under way return now; messages that are not relayed stay so. */
  abandon(): void {
    for (const session of this.#sessions.keys()) session.abandon();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { store, id, log } = this.#options;
    while (!signal.aborted) {
      try {
        if (await this.#takeSeat()) await this.#session();
      } catch (error) {
        if (signal.aborted) break;
        this.#failures.add(error);
        await pause(SEAT_EVERY, signal);
      }
    }
    this.#resolveStart();
    await Promise.all(this.#sessions.values());
    await store.leave(id).catch((error) => log.debug({ error }, 'cannot give up the seat'));
  }

  /** Asks for a seat until it gets one. The mark that comes with it was made before the subscription. */
  async #takeSeat(): Promise<boolean> {
    const { store, id, seats, lease, pauseAfterMove = 0, log } = this.#options;
    const { signal } = this.#stopping;
    const watch = new SeatWatch(lease);
    let dead: Seat | undefined;
    const since = performance.now();
    let logged = false;
    while (!signal.aborted) {
      const reply = await store.mark({
        caller: id,
        seat: id,
        seats,
        seen: this.#seen,
        secret: this.#secret,
        secretKnown: this.#secretKnown || performance.now() - since > SECRET_PATIENCE,
        dead,
        joins: true,
      });
      if ('mark' in reply) {
        const { home, relayed } = reply.lease;
        this.#positionsFrom = home && relayed && pauseAfterMove > 0 ? home.since + pauseAfterMove : 0;
        // Lower than the one seen if that was too far ahead of the clock.
        this.#seen = reply.mark;
        this.#secret = reply.secret;
        this.#secretKnown = true;
        return true;
      }
      const found = watch.observe(reply.taken, performance.now());
      // Whether their bridges live is not known yet.
      if (!logged && reply.taken.length > 0)
        log.info(
          { seats },
          `${plural(seats, 'seat for bridges is', 'seats for bridges are')} taken: this one waits for a seat`,
        );
      if (found && found.id !== dead?.id)
        log.info({ dead: found.id }, `the bridge ${found.id} makes no marks: this one asks for its seat`);
      dead = found;
      logged ||= reply.taken.length > 0;
      // All seats may belong to killed bridges.
      if (watch.anyAlive) this.#resolveStart();
      await pause(SEAT_EVERY, signal);
    }
    return false;
  }

  /** Subscribes, and returns when the subscription has ended. The session goes on relaying the messages left. */
  async #session(): Promise<void> {
    const { id, makeSubscriber, onRate, pauseAfterMove = 0, log } = this.#options;
    if (this.#stopping.signal.aborted) return;
    const subscriber = makeSubscriber();
    const session: BridgeSession = new BridgeSession({
      ...this.#options,
      id: `${id}#${++this.#count}`,
      seat: id,
      seen: this.#seen,
      positionsFrom: this.#positionsFrom,
      lateAfter: pauseAfterMove > 0 ? pauseAfterMove / 2 : undefined,
      secret: this.#secret,
      subscriber,
      // Only the oldest session: they are in the order of their start.
      mayTake: () => this.#sessions.keys().next().value === session,
      onPhase: (phase, before, holder) => this.#onPhase(phase, before, holder),
      onGap: (gap) => this.#onGap(gap),
    });
    this.#connecting = subscriber;
    try {
      await subscriber.connect();
      await session.subscribe();
    } catch (error) {
      subscriber.close();
      throw error;
    } finally {
      this.#connecting = undefined;
    }
    this.#failures.over();
    const run = session.run().finally(() => this.#sessions.delete(session));
    this.#sessions.set(session, run);
    if (this.#stopping.signal.aborted) await session.quit();
    let bytes = 0;
    while (!session.ended.aborted) {
      await pause(1_000, session.ended);
      onRate(session.bytesReceived - bytes);
      bytes = session.bytesReceived;
    }
    this.#seen = Math.max(this.#seen, session.seen);
    this.#leader = undefined;
    const reason = String(session.ended.reason);
    if (reason !== 'stopped') log.warn({ reason }, `the bridge subscribes anew: ${reason}`);
  }

  #onPhase(phase: Phase, before: Phase, holder: string): void {
    const { log } = this.#options;
    if (before === 'leading' && phase === 'following') this.emit('fenced');
    if (phase === 'leading') {
      this.#leader = undefined;
      log.info({}, 'this bridge leads');
      this.emit('leading');
      this.#resolveStart();
    } else if (phase === 'following' && holder !== '') {
      this.#logFollowing(bridgeOf(holder));
      this.#resolveStart();
    }
  }

  /** Once for each leader, which may lead with several subscriptions in turn. */
  #logFollowing(leader: string): void {
    const { id, log } = this.#options;
    // Its own previous subscription may still be relaying.
    if (leader === this.#leader || leader === id) return;
    this.#leader = leader;
    log.info({ leader }, `this bridge follows ${leader}`);
  }

  #onGap(gap: Gap): void {
    logGap(this.#options.log, gap);
    this.emit('gap', gap);
  }
}
