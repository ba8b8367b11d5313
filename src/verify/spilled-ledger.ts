import { note } from './differences.js';
import { type GapTimes, lostInGaps } from './gaps.js';
import { LedgerCheck, type LedgerResult, type LedgerSums, ledgerResultOf } from './ledger-check.js';
import { Spill } from './spill.js';

/** As {@link LedgerCheck}, of any number of ids: it looks at a part of them at a time. */
export class SpilledLedger {
  readonly #listed: Spill;
  readonly #found: Spill;
  /** How many ids each file has. */
  readonly #lengths: number[] = [];

  /** @param listed ids of the ledgers; `found` holds what was found in the group */
  constructor(listed = new Spill(), found = new Spill()) {
    this.#listed = listed;
    this.#found = found;
  }

  /** Begins another file: the order of ids counts within one file only. */
  newFile(): void {
    this.#lengths.push(0);
  }

  /** Adds an id of the file. */
  list(id: string): void {
    const file = this.#lengths.length - 1;
    const at = this.#lengths[file] ?? 0;
    this.#lengths[file] = at + 1;
    this.#listed.add(id, `${file} ${at} ${id}`);
  }

  /** Forgets all that was found, and keeps the list. */
  startOver(): void {
    this.#found.clear();
  }

  /** See {@link LedgerCheck.settled}. */
  settled(id: string, relayedAt: number | undefined): void {
    this.#add('s', id, relayedAt);
  }

  /** See {@link LedgerCheck.onTheWay}. */
  onTheWay(id: string, relayedAt: number | undefined): void {
    this.#add('w', id, relayedAt);
  }

  #add(kind: 's' | 'w', id: string, relayedAt: number | undefined): void {
    // No ledger lists an id with a line break, and it does not count as unexpected either.
    if (!id.includes('\n')) this.#found.add(id, `${kind}${relayedAt ?? ''} ${id}`);
  }

  /**
   * Compares all that was listed with all that was found.
   *
   * @param gaps when messages may have been missed
   * @param deleted how many results were trimmed and dead letters purged, of unknown ids
   */
  async result(gaps: readonly GapTimes[], deleted: number): Promise<LedgerResult> {
    const sums = { ids: 0, missing: 0, doubled: 0, unexpected: 0 };
    const examples = { lost: [] as string[], doubled: [] as string[], unexpected: [] as string[] };
    await this.#eachPart((check) => addTo(sums, examples, check.sums));
    const inGaps = sums.missing > 0 && gaps.length > 0 ? await this.#missingInGaps(gaps) : 0;
    return ledgerResultOf({ ...sums, examples }, inGaps, deleted);
  }

  async #missingInGaps(gaps: readonly GapTimes[]): Promise<number> {
    const files = this.#lengths.map((length) => new Float64Array(length));
    await this.#eachPart((check) => check.timesInto(files));
    return files.reduce((sum, times) => sum + lostInGaps(times, gaps), 0);
  }

  async #eachPart(look: (check: LedgerCheck) => void): Promise<void> {
    const found = this.#found.parts();
    for (const listed of this.#listed.parts()) {
      const check = new LedgerCheck();
      let files = 0;
      for await (const lines of listed)
        for (const line of lines) {
          const [file, at, id] = threeOf(line);
          for (; files <= Number(file); files++) check.newFile();
          check.list(id, Number(at));
        }
      check.startOver();
      for await (const lines of found.next().value ?? [])
        for (const line of lines) {
          const end = line.indexOf(' ');
          const time = end > 1 ? Number(line.slice(1, end)) : undefined;
          if (line.startsWith('s')) check.settled(line.slice(end + 1), time);
          else check.onTheWay(line.slice(end + 1), time);
        }
      look(check);
    }
  }

  close(): void {
    this.#listed.clear();
    this.#found.clear();
  }
}

type Counts = { -readonly [Name in 'ids' | 'missing' | 'doubled' | 'unexpected']: LedgerSums[Name] };

function addTo(
  sums: Counts,
  examples: Record<keyof LedgerSums['examples'], string[]>,
  more: LedgerSums,
): void {
  for (const name of ['ids', 'missing', 'doubled', 'unexpected'] as const) sums[name] += more[name];
  for (const name of ['lost', 'doubled', 'unexpected'] as const)
    for (const id of more.examples[name]) note(examples[name], id);
}

/** The number of a file, a place in it, and an id, which may have blanks. */
function threeOf(line: string): [file: string, at: string, id: string] {
  const first = line.indexOf(' ');
  const second = line.indexOf(' ', first + 1);
  return [line.slice(0, first), line.slice(first + 1, second), line.slice(second + 1)];
}
