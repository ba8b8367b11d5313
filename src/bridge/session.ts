import { performance } from 'node:perf_hooks';
import { type MadeMark, MOST_AHEAD } from '../core/bridge-store.js';
import { CgroupError, hasCode } from '../core/errors.js';
import { readMark } from '../core/marks.js';
import { pause } from '../core/service.js';
import { plural } from '../core/words.js';
import { REMIND_EVERY, repeatedFailures, repeatedWarnings, ThrottledLog } from '../log/throttle.js';
import type { Action, Phase } from './action.js';
import { tellGap } from './gap.js';
import { BridgeMachine } from './machine.js';
import type { SessionOptions } from './session-options.js';

/** ms between two marks of one bridge. */
const MARK_EVERY = 100;
/** After so many own marks without a byte received the subscription is dead, even if its socket stays open. */
const UNHEARD_MARKS = 20;
/** ms before the next try of an action that Redis refused or did not answer. */
const RETRY_EVERY = 100;
/** Why a session ends when the bridges of the group go to another server. */
const MOVED = 'the group is on another server now';
const MAX_MESSAGES = 1_000;
const MAX_BYTES = 1_000_000;

/** One subscription of a bridge, from SUBSCRIBE until its messages are relayed. Carries out the actions of the machine. */
export class BridgeSession {
  readonly #options: SessionOptions;
  readonly #machine: BridgeMachine;
  readonly #ended = new AbortController();
  readonly #stopped = new AbortController();
  readonly #abandoned = new AbortController();
  readonly #failures: ThrottledLog<unknown>;
  #phase: Phase = 'joining';
  #holder = '';
  /** Whether a mark has come since the last own one was made. */
  #heardMark = false;
  /** No more messages are taken: those that still come are another server's, or come after such. */
  #deaf = false;
  /** Whether an action is under way, or about to be asked for. */
  #acting = false;
  /** Own marks made since bytes last came, and how many bytes had come by then. */
  #unheard = 0;
  #heard = 0;
  /** The clock of Redis when it last answered a mark: ms since 1970. */
  #clock = Number.POSITIVE_INFINITY;
  /** Texts on the marks channel that are no marks: those that the counters lack. */
  #uncounted = 0;
  readonly #foreign: ThrottledLog<void>;
  #bytes = 0;
  readonly #drops: ThrottledLog<number>;
  /** How many of the dropped messages are logged. */
  #dropsLogged = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#failures = repeatedFailures(options.log, 'the bridge cannot relay');
    this.#drops = new ThrottledLog({
      interval: REMIND_EVERY,
      write: (_count, dropped) => this.#logDrops(dropped),
      between: () => {}, // the next check adds them again, unless a gap is written for them meanwhile
    });
    this.#foreign = repeatedWarnings(options.log, (count) => [
      { channel: options.marks, count },
      `${plural(count, 'text')} on the channel ${options.marks} ignored: not from a bridge of this group. Another ` +
        'client publishes there; cgroup doctor prints an ACL line for publishers',
    ]);
    this.#machine = new BridgeMachine({ ...options, maxMessages: MAX_MESSAGES, maxBytes: MAX_BYTES });
  }

  /** Bytes of all messages received so far. */
  get bytesReceived(): number {
    return this.#bytes;
  }

  /** Messages received and not known to be relayed. */
  get buffered(): number {
    return this.#machine.buffered;
  }

  get phase(): Phase {
    return this.#machine.phase;
  }

  /** The highest mark seen. */
  get seen(): number {
    return this.#machine.seen;
  }

  /** Aborted when no more messages come, with the reason as a text. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Subscribes. When it returns, every published message is received, until the session ends.
   *
   * @throws {CgroupError} if Redis refuses or does not answer, or if the commands go to another server than the subscription
   */
  async subscribe(): Promise<void> {
    const { store, subscriber, channel, marks, isSharded } = this.#options;
    subscriber.once('lost', () => this.end('the subscription was cut'));
    // Both in one command, so that no mark comes between them.
    await subscriber.subscribe(
      new Map([
        [channel, (bytes, start, end) => this.#onMessage(bytes, start, end)],
        [marks, (bytes, start, end) => this.#onMark(bytes.toString('latin1', start, end))],
      ]),
      isSharded,
    );
    const server = this.#server;
    if (server === undefined && !subscriber.isPlain && !this.#deaf)
      throw new CgroupError(
        'REDIS_AUTH',
        'Redis does not say which server it is: the user needs the right to INFO',
      );
    this.#machine.subscribed(await store.lastMark(server), server);
  }

  /** The server whose positions these are; undefined on a plain Redis. */
  get #server(): string | undefined {
    const { subscriber } = this.#options;
    return subscriber.isPlain ? undefined : subscriber.server;
  }

  /**
   * Where its calls may run: while it is subscribed, only at that server, or positions of two would be mixed. After that anywhere:
   * what it has received is to be relayed.
   */
  get #on(): string | undefined {
    return this.ended.aborted ? undefined : this.#server;
  }

  /** Marks and relays until the session has ended and all its messages are relayed, here or by another bridge. */
  async run(): Promise<void> {
    while (this.#machine.phase !== 'ended') {
      // A leader beats until all its messages are relayed: another bridge that took the lead might have fewer.
      if (!this.ended.aborted || this.#machine.phase === 'leading') await this.#mark();
      this.#checkDrops();
      this.#schedule();
      await pause(MARK_EVERY, this.#stopped.signal);
    }
    const { strayed } = this.#machine;
    const { store, id, onGap, log } = this.#options;
    const { signal } = this.#abandoned;
    if (!strayed) return;
    // Reported even if Redis does not take it.
    onGap(strayed);
    await tellGap(store, id, strayed, log, signal);
  }

  /** Ends the subscription: the messages left are relayed, then {@link run} returns. */
  end(reason: string): void {
    if (this.ended.aborted) return;
    this.#deaf = true;
    this.#machine.end();
    this.#ended.abort(reason);
    this.#options.subscriber.close();
    this.#schedule();
  }

  /** Unsubscribes, receives all messages published before, then ends. */
  async quit(): Promise<void> {
    try {
      await this.#options.subscriber.unsubscribe();
    } catch {
      // The subscription is lost already, and its messages are here.
    }
    this.end('stopped');
  }

  /** Gives up at once; messages that are not relayed stay so. */
  abandon(): void {
    this.#abandoned.abort();
    this.end('abandoned');
    this.#machine.abandon();
    this.#stopped.abort();
  }

  #onMessage(bytes: Buffer, start: number, end: number): void {
    if (this.#deaf) return;
    this.#bytes += end - start;
    this.#machine.message(bytes, start, end);
    this.#schedule();
  }

  #onMark(text: string): void {
    if (this.#deaf) return;
    const mark = readMark(text, this.#options.secret, this.#clock + MOST_AHEAD);
    const server = this.#server;
    this.#heardMark ||= mark !== undefined;
    // Another server has the messages in another order: what comes after its mark may be in front of it there.
    if (mark?.server !== undefined && server !== undefined && mark.server !== server) {
      this.end(MOVED);
      return;
    }
    if (!mark || !this.#machine.cut(mark.number, performance.now())) {
      this.#uncounted++;
      this.#foreign.add();
      return;
    }
    this.#reportPhase();
    this.#schedule();
  }

  async #mark(): Promise<void> {
    const { store, id, seat, seats, secret, isSharded, log } = this.#options;
    const foreign = this.#uncounted;
    // The hash of the group is not at the node of a sharded channel: it says nothing of the subscription.
    const unsure = isSharded ? !this.#heardMark : undefined;
    this.#heardMark = false;
    try {
      const reply = await store.mark({
        caller: id,
        seat,
        seats,
        secret,
        secretKnown: true,
        foreign,
        deaf: this.ended.aborted,
        unsure,
        on: this.#on,
        ...this.#machine.markIntent(),
      });
      if ('taken' in reply) this.end(reply.moved ? MOVED : 'another bridge took the seat');
      else this.#marked(reply, foreign);
    } catch (error) {
      log.debug({ error }, 'mark failed');
      if (hasCode(error, 'OTHER_SERVER')) this.end(MOVED);
    }
  }

  #marked(reply: MadeMark, foreign: number): void {
    const { subscriber, secret, log } = this.#options;
    const { healed } = reply;
    this.#uncounted -= foreign;
    this.#clock = reply.clock;
    if (healed.length > 0)
      log.warn({ healed }, `replaced foreign values in the hash of the bridge: ${healed.join(', ')}`);
    this.#machine.marked(reply, performance.now());
    this.#reportPhase();
    // Bytes are a sign of life: over a slow link marks come late.
    const heard = subscriber.bytesReceived;
    this.#unheard = heard === this.#heard ? this.#unheard + 1 : 0;
    this.#heard = heard;
    // Redis lost it, and has another one: marks of others have passed unseen.
    if (reply.secret !== secret) this.end('the secret of the marks has changed');
    else if (this.#unheard > UNHEARD_MARKS) this.end('the subscription is dead: nothing comes back');
  }

  /** Asks the machine for its next action once all messages of one read of the socket are added. */
  #schedule(): void {
    if (this.#acting) return;
    this.#acting = true;
    setImmediate(() => void this.#act());
  }

  async #act(): Promise<void> {
    try {
      while (!this.#stopped.signal.aborted) {
        const action = this.#machine.next(performance.now(), this.#options.mayTake());
        if (!action) return;
        try {
          await this.#carryOut(action);
          this.#failures.over();
        } catch (error) {
          this.#machine.failed(performance.now());
          if (hasCode(error, 'OTHER_SERVER')) this.end(MOVED);
          else this.#failures.add(error);
          await pause(RETRY_EVERY, this.#stopped.signal);
        }
        this.#reportPhase();
        if (action.kind === 'look') return; // the next look comes with the next turn of run()
      }
    } finally {
      this.#acting = false;
      if (this.#machine.phase === 'ended') this.#stopped.abort();
    }
  }

  async #carryOut(action: Action): Promise<void> {
    const { store, id, packSize, onGap } = this.#options;
    switch (action.kind) {
      case 'take': {
        const options = { on: this.#on, seen: this.seen };
        this.#machine.took(await store.take(id, action.token, action.beat, options), performance.now());
        return;
      }
      case 'relay': {
        const reply = await store.relay({ caller: id, packSize: packSize(), on: this.#on, ...action });
        this.#machine.wrote(reply, performance.now());
        if (reply.kind === 'written' && action.gap) onGap(action.gap);
        return;
      }
      case 'look':
        this.#machine.looked(await store.readLease(), performance.now());
        return;
      case 'release': {
        const reply = await store.release(id, action.token, action.position, this.#on);
        this.#machine.released(reply, performance.now());
      }
    }
  }

  /** Messages that a follower drops are not lost: the leader has them. */
  #checkDrops(): void {
    const { dropped, phase } = this.#machine;
    this.#dropsLogged = Math.min(this.#dropsLogged, dropped);
    const lost = phase === 'leading' || this.ended.aborted;
    if (lost && dropped > this.#dropsLogged) this.#drops.add(dropped);
  }

  #logDrops(dropped: number): void {
    this.#dropsLogged = dropped;
    this.#options.log.error(
      { dropped, buffered: this.buffered },
      `the buffer is full (bufferLimit): ${plural(dropped, 'message was', 'messages were')} dropped before being relayed, the oldest first`,
    );
  }

  #reportPhase(): void {
    const { phase, holder } = this.#machine;
    const before = this.#phase;
    if (phase === before && holder === this.#holder) return;
    this.#phase = phase;
    this.#holder = holder;
    this.#options.onPhase(phase, before, holder);
  }
}
