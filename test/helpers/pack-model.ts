import type { LeftMessage, UnrecordedOutcome } from '../../src/core/consumer-store.js';

/** A message, as a simple model of the group knows it. */
export interface Known {
  readonly identity: string;
  readonly text: string;
  /** The pack that it is in; undefined once it is in the inbox. */
  pack: string | undefined;
  /** The entry of the inbox that it is in. */
  entry: string | undefined;
  /** With what it came to the inbox. */
  attempts: number;
  outcome: UnrecordedOutcome | undefined;
  /** As Redis counts the deliveries of its entry. */
  counter: number;
  /** Waits to be read, is with a consumer, waits for a retry with one, was handed back, or is settled.
   * Vanished: another client deleted it, and Redis does not know that it was with a consumer. */
  state: 'waiting' | 'held' | 'retry' | 'returned' | 'processed' | 'dead' | 'lost' | 'vanished';
  holder: string;
  /** Attempts made, as it was handed back. */
  score: number;
  /** Attempts made before its delivery, as its consumer was told. */
  told: number;
  /** An attempt ended so before it came to its consumer, which has to record it. */
  toRecord: UnrecordedOutcome | undefined;
  /** Attempts of its dead letter. */
  buried: number | undefined;
}

/** A pack. */
export interface KnownPack {
  readonly id: string;
  readonly messages: readonly Known[];
  state: 'waiting' | 'held' | 'stray';
  holder: string;
  /** Another client deleted it; it may be pending still. */
  deleted: boolean;
}

/** What becomes of packs, without Redis. */
export class PackModel {
  readonly packs = new Map<string, KnownPack>();
  readonly all = new Map<string, Known>();
  /** How many messages are in packs, as the group counts. */
  counted = 0;

  add(identity: string, text: string, pack: string | undefined): Known {
    const known: Known = {
      identity,
      text,
      pack,
      entry: pack === undefined ? identity : undefined,
      attempts: 0,
      outcome: undefined,
      counter: 0,
      state: 'waiting',
      holder: '',
      score: 0,
      told: 0,
      toRecord: undefined,
      buried: undefined,
    };
    this.all.set(identity, known);
    return known;
  }

  addPack(id: string, messages: readonly Known[]): void {
    this.counted += messages.length;
    this.packs.set(id, { id, messages, state: 'waiting', holder: '', deleted: false });
  }

  /** Entries of the inbox that no consumer has settled. */
  entries(): Known[] {
    return [...this.all.values()].filter(
      ({ pack, state }) => pack === undefined && !['processed', 'dead', 'lost', 'vanished'].includes(state),
    );
  }

  heldBy(consumer: string): Known[] {
    return this.entries().filter(({ state, holder }) => state === 'held' && holder === consumer);
  }

  count(state: Known['state']): number {
    return [...this.all.values()].filter((known) => known.state === state).length;
  }

  /** A message leaves its pack for the inbox. */
  leaves(known: Known, attempts: number, outcome: UnrecordedOutcome | undefined): void {
    Object.assign(known, { pack: undefined, state: 'waiting', attempts, outcome, counter: 0, holder: '' });
  }

  /** Settles a pack; `written` false: it was late. */
  settle(pack: KnownPack, left: readonly LeftMessage[], attempts = 0): void {
    const gone = (state: Known['state'], known: Known | undefined) =>
      known && Object.assign(known, { pack: undefined, state });
    const leftAt = new Map(left.map((one) => [one.number, one]));
    for (const [i, known] of pack.messages.entries()) {
      const one = leftAt.get(i + 1);
      if (!one) gone('processed', known);
      else if (pack.deleted) gone('lost', known);
      else this.leaves(known, attempts, one.outcome);
    }
    this.#remove(pack);
  }

  explode(pack: KnownPack, attempts: number): void {
    const left = pack.messages.map((_, i) => ({ number: i + 1 }));
    this.settle(pack, left, attempts);
  }

  vanishes(pack: KnownPack): void {
    for (const known of pack.messages) Object.assign(known, { pack: undefined, state: 'vanished' });
    this.packs.delete(pack.id);
  }

  #remove({ id, messages }: KnownPack): void {
    this.counted -= messages.length;
    this.packs.delete(id);
  }

  /** A consumer gets an entry. */
  gets(known: Known, holder: string, how: 'read' | 'reclaimed' | 'retry' | 'returned'): void {
    const { attempts, outcome, counter, score } = known;
    if (how === 'read') known.counter = 1;
    if (how === 'returned') known.counter = score;
    const isRecorded = {
      read: false,
      reclaimed: counter > Math.max(attempts, 1),
      retry: true,
      returned: score > attempts,
    }[how];
    known.toRecord = isRecorded ? undefined : outcome;
    const before = { read: 0, reclaimed: counter, retry: counter, returned: score }[how];
    known.told = known.toRecord ? attempts : Math.max(before, outcome ? attempts + 1 : attempts);
    Object.assign(known, { state: 'held', holder });
  }
}
