import { CounterCheck, type StreamName } from './counter-check.js';
import { Spill } from './spill.js';

/** As {@link CounterCheck}, of any number of messages: it looks at a part of them at a time. */
export class SpilledCounters {
  readonly #ids: Spill;
  readonly #foreign = new CounterCheck();

  constructor(ids = new Spill()) {
    this.#ids = ids;
  }

  /** See {@link CounterCheck.settled}. */
  settled(stream: StreamName, entryId: string, inboxId: string | undefined): void {
    if (inboxId === undefined) this.#foreign.settled(stream, entryId, undefined);
    else this.#ids.add(inboxId, `${stream === 'output' ? 'o' : 'd'}${inboxId}`);
  }

  /** What was found of all. */
  async compare(): Promise<CounterCheck> {
    const all = new CounterCheck();
    all.add(this.#foreign);
    for (const part of this.#ids.parts()) {
      const check = new CounterCheck();
      for await (const lines of part)
        for (const line of lines) check.settled(line.startsWith('o') ? 'output' : 'dead', '', line.slice(1));
      all.add(check);
    }
    return all;
  }

  close(): void {
    this.#ids.clear();
  }
}
