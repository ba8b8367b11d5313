import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** The names of a process in its group. No other process, now or later, has these ids. */
export class Identity {
  readonly host: string;
  readonly pid = process.pid;
  /** Of the process, and of its bridge. */
  readonly id: string;
  #consumers = 0;

  /** @param host the name of this machine */
  constructor(host = hostname()) {
    this.host = host;
    // No spaces in ids: a mark is a line of words.
    this.id = `${host.replace(/[^\w.-]/g, '_')}-${this.pid}-${randomBytes(3).toString('hex')}`;
  }

  /** What other processes see of it. */
  get ofProcess(): { readonly id: string; readonly host: string; readonly pid: number } {
    const { id, host, pid } = this;
    return { id, host, pid };
  }

  /** The id of the next consumer: no number is used twice. @param worker the name of its remote worker */
  nextConsumerId(worker?: string): string {
    return `${this.id}-${worker === undefined ? '' : `${worker}-`}${++this.#consumers}`;
  }
}
