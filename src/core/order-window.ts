import { compareIds } from './stream-id.js';

/** What Redis last said of the results that wait for earlier ones. */
interface Waiting {
  readonly parked: number;
  /** The id of the message that the order waits for; '' for none. */
  readonly head: string;
  /** Whether that entry has to be read. */
  readonly unread: boolean;
}

/**
 * Bounds how many results wait for earlier ones (total order). While that many do, no new message is begun, but for the one that the
 * order waits for: it may lie anywhere, also behind others in this process.
 */
export class OrderWindow {
  /** Most results that may wait. */
  readonly most: number;
  readonly #onMoved: () => void;
  #waiting: Waiting = { parked: 0, head: '', unread: false };

  /**
   * @param most results that may wait; Infinity without total order
   * @param onMoved called when more may begin than before
   */
  constructor(most: number, onMoved: () => void) {
    this.most = most;
    this.#onMoved = onMoved;
  }

  /** Results that wait, when Redis last said so. */
  get parked(): number {
    return this.#waiting.parked;
  }

  get full(): boolean {
    return this.#waiting.parked >= this.most;
  }

  /** Whether new messages may be read. */
  get mayRead(): boolean {
    return !this.full || this.#waiting.unread;
  }

  /**
   * Whether the first attempt on an entry may begin.
   *
   * @param inboxId the id of its message: another one if a halted message is tried again
   */
  mayBegin(entryId: string, inboxId = entryId): boolean {
    const { head } = this.#waiting;
    return !this.full || inboxId === head || (head !== '' && compareIds(entryId, head) <= 0);
  }

  /** Takes what Redis says. */
  note(waiting: Waiting): void {
    const wasFull = this.full;
    this.#waiting = waiting;
    if (wasFull) this.#onMoved();
  }
}
