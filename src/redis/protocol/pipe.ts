import { endOfReply } from './replies.js';

/** A request whose replies have not all come. */
interface Pending {
  /** Commands that ioredis sent between the request before and this one, and that have no reply yet. */
  between: number;
  /** Replies that are still to come. */
  replies: number;
  /** What the first reply was that is an error. */
  error: unknown;
  readonly onReply: (bytes: Buffer, start: number) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface PipeOptions {
  readonly write: (bytes: Buffer) => void;
  /** Commands of ioredis whose replies have not come. */
  readonly others: () => number;
  /** Gets each reply to a command of ioredis, as it came. */
  readonly onOther: (reply: Buffer) => void;
}

/**
 * Sends commands over the socket of an ioredis client without its help: it makes a dozen objects for a command. Redis replies in
 * the order of the commands of all callers; so for each request it notes how many commands of ioredis went before.
 */
export class Pipe {
  readonly #options: PipeOptions;
  readonly #pending: Pending[] = [];
  /** The sum of all `between`. */
  #counted = 0;

  constructor(options: PipeOptions) {
    this.#options = options;
  }

  /**
   * Sends commands. Resolves after the last of their replies.
   *
   * @param bytes the commands; they must not change until the system has taken them
   * @param replies how many replies come
   * @param onReply called with each reply: it begins at `start`. What it throws first, this rejects with after the last reply
   * @throws what {@link end} gets, if that comes first
   */
  request(bytes: Buffer, replies: number, onReply: (bytes: Buffer, start: number) => void): Promise<void> {
    const { write, others } = this.#options;
    return new Promise((resolve, reject) => {
      const between = others() - this.#counted;
      this.#counted += between;
      this.#pending.push({ between, replies, error: undefined, onReply, resolve, reject });
      write(bytes);
    });
  }

  /** Takes the reply at `at` if it is one to a request, see `Take` in `replies.ts`. */
  take(bytes: Buffer, at: number): number {
    const next = this.#pending[0];
    if (!next || next.between > 0) return at;
    const end = endOfReply(bytes, at, at);
    if (end >= 0) this.#replied(next, bytes, at);
    return end;
  }

  /** Gets each reply that {@link take} did not take, or that another parser was in front of. */
  hand(reply: Buffer): void {
    const next = this.#pending[0];
    if (next?.between === 0) {
      this.#replied(next, reply, 0);
      return;
    }
    if (next) {
      next.between--;
      this.#counted--;
    }
    this.#options.onOther(reply);
  }

  /** No more replies come. */
  end(error: unknown): void {
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }

  #replied(next: Pending, bytes: Buffer, at: number): void {
    try {
      next.onReply(bytes, at);
    } catch (error) {
      next.error ??= error;
    }
    next.replies--;
    if (next.replies > 0) return;
    this.#pending.shift();
    if (next.error === undefined) next.resolve();
    else next.reject(next.error);
  }
}
