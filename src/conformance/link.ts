/** A line to a worker, over any transport. */
export interface WorkerLink {
  readonly kind: 'exec' | 'remote';
  /** Sends one line. Does nothing if the worker has gone. */
  send(line: string): void;
  /** Sends some bytes of a line; only a program can get less than a message. */
  sendBytes(bytes: Uint8Array): void;
  /** The next line of the worker; undefined if none comes within the time (ms), or the worker has gone. */
  next(within: number): Promise<string | undefined>;
  /** What became of the worker, in words; undefined while it is there. */
  readonly gone: string | undefined;
  /** Whether it answers a ping within the time (ms). */
  ping(within: number): Promise<boolean>;
  /** Ends the input of the worker. Whether it ends, too, within the time (ms). */
  finish(within: number): Promise<boolean>;
  /** Ends the line at once, and a program with all its children. */
  close(): Promise<void>;
}

/** Where workers come from. */
export interface WorkerSource {
  /** A worker that is ready to be written to; undefined if none comes within the time (ms). */
  open(within: number): Promise<WorkerLink | undefined>;
  close(): Promise<void>;
}

/** The lines that came and were not read yet. */
export class LineQueue {
  readonly #lines: string[] = [];
  #waiting: (() => void) | undefined;
  #gone: string | undefined;

  get gone(): string | undefined {
    return this.#gone;
  }

  push(line: string): void {
    this.#lines.push(line);
    this.#waiting?.();
  }

  end(why: string): void {
    this.#gone ??= why;
    this.#waiting?.();
  }

  async next(within: number): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#gone !== undefined) return line;
    await new Promise<void>((done) => {
      const timer = setTimeout(done, within);
      this.#waiting = () => {
        clearTimeout(timer);
        done();
      };
    });
    this.#waiting = undefined;
    return this.#lines.shift();
  }
}
