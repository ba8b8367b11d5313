import { performance } from 'node:perf_hooks';
import type { Redis } from 'ioredis';

/** What has moved over a socket so far, in bytes. */
export interface Traffic {
  readonly received: number;
  /** Written by us, whether sent or not. */
  readonly written: number;
  /** Of these, what the system has not taken yet. */
  readonly unsent: number;
}

/** ms between two looks. */
const LOOK_EVERY = 250;
/**
 * Bytes that restart the clock. A link that moves less within the time allowed is as good as dead: else a reply that
 * comes byte by byte would be waited for without end.
 */
const LEAST = 16_384;
/**
 * What the system has taken may still be on its way, which is not seen from here: time for this is added, at the speed of the
 * slowest link that can be used, bytes a second; and for at most so many bytes: the system takes no more.
 */
const SLOWEST_LINK = 250_000;
const MOST_ON_THE_WAY = 8 * 2 ** 20;

/**
 * Finds out that a link is dead while commands wait for their replies: no bytes have moved for a while. Not that a
 * reply takes long: a large one over a slow link does.
 */
export class ReplyClock {
  readonly #allowed: number;
  /** Of each command without a reply, how many bytes were written before it. */
  readonly #commands: number[] = [];
  /** ms without a sign of life. */
  #silence = 0;
  /** Bytes that moved since the last sign of life. */
  #moved = 0;
  #last: Traffic = { received: 0, written: 0, unsent: 0 };

  /** @param allowed ms of silence after which a link is dead */
  constructor(allowed: number) {
    this.#allowed = allowed;
  }

  /** A command is about to be sent, after so many bytes. */
  sending(written: number): void {
    if (this.#commands.push(written) === 1) this.#restart();
  }

  /** The oldest command has its reply, or has failed. */
  answered(): void {
    this.#commands.shift();
    this.#restart();
  }

  /**
   * Looks at the link.
   *
   * @param elapsed ms since the last look
   * @param waiting whether a command that was not announced waits for its reply
   * @returns whether the link is dead
   */
  look(elapsed: number, now: Traffic, waiting: boolean): boolean {
    const last = this.#last;
    this.#last = now;
    // A new socket begins at 0.
    const isNew = now.received < last.received || now.written < last.written;
    if (isNew || (!waiting && this.#commands.length === 0)) {
      this.#restart();
      return false;
    }
    this.#moved += now.received - last.received;
    // A dead link, too, takes what the system has room for. So only what it had no room for counts as sent.
    if (last.unsent > 0) this.#moved += now.written - now.unsent - (last.written - last.unsent);
    if (this.#moved >= LEAST) this.#restart();
    // A process that was stopped, or whose event loop was blocked, has not read what came meanwhile.
    else this.#silence += Math.min(elapsed, 2 * LOOK_EVERY);
    return this.#silence >= this.#allowed + this.#timeOnTheWay(now);
  }

  #restart(): void {
    this.#silence = 0;
    this.#moved = 0;
  }

  /** ms that what the system has taken may still be on its way. */
  #timeOnTheWay({ written, unsent }: Traffic): number {
    const before = this.#commands[0] ?? written;
    const bytes = Math.min(Math.max(written - unsent - before - LEAST, 0), MOST_ON_THE_WAY);
    return (bytes / SLOWEST_LINK) * 1_000;
  }
}

/** What is needed of ioredis beyond its types. */
interface Inside {
  /** Undefined before the first connection. */
  readonly stream: Redis['stream'] | undefined;
  /** All commands whose replies have not come, those that ioredis sends by itself included. */
  readonly commandQueue?: { readonly length: number };
}

/** Bytes written to the socket of a client, whether sent or not. */
export function writtenTo(redis: Redis): number {
  return (redis as unknown as Inside).stream?.bytesWritten ?? 0;
}

/** Commands of a client whose replies have not come. */
export function unansweredOf(redis: Redis): number {
  return (redis as unknown as Inside).commandQueue?.length ?? 0;
}

/** Looks at the link of a client again and again while it is connected; calls `onDead` when it is dead. */
export function watchLink(redis: Redis, clock: ReplyClock, onDead: () => void): void {
  const inside = redis as unknown as Inside;
  let timer: NodeJS.Timeout | undefined;
  const stop = () => clearInterval(timer);
  redis.on('connect', () => {
    stop();
    let lookedAt = performance.now();
    timer = setInterval(() => {
      const now = performance.now();
      const waiting = unansweredOf(redis) > 0;
      if (clock.look(now - lookedAt, trafficOf(inside.stream), waiting)) onDead();
      lookedAt = now;
    }, LOOK_EVERY).unref();
  });
  redis.on('close', stop);
  redis.on('end', stop);
}

function trafficOf(stream: Inside['stream']): Traffic {
  if (!stream) return { received: 0, written: 0, unsent: 0 };
  // The rest of a large write: Node only says when all of it is sent.
  const { _handle } = stream as unknown as { _handle?: { writeQueueSize?: number } | null };
  const unsent = stream.writableLength === 0 ? 0 : (_handle?.writeQueueSize ?? stream.writableLength);
  return { received: stream.bytesRead, written: stream.bytesWritten, unsent };
}
