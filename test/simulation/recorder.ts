import type { MadeMark, RelayRequest } from '../../src/core/bridge-store.js';
import type { Position } from '../../src/core/position.js';
import type { History, Loss, Pass, ProcessRecord, RecordedGap, SessionRecord } from './history.js';
import type { Host, Interval } from './host.js';
import type { RedisEvents, RedisModel, StoredGap } from './redis.js';

interface Cut {
  readonly place: number;
  readonly message: number;
}

/** Records what happens, as history and, if asked for, as text. */
export class Recorder implements RedisEvents {
  readonly #now: () => number;
  readonly #trace: ((line: string) => void) | undefined;
  readonly #published: number[] = [];
  readonly #places: number[] = [];
  readonly #cuts = new Map<number, Cut>();
  readonly #processes = new Map<string, ProcessRecord>();
  readonly #sessions: SessionRecord[] = [];
  readonly #losses: Loss[] = [];
  readonly #usurped: string[] = [];
  readonly #unsettled: Interval[] = [];
  #passes: Pass[] = [];
  #gapTimes = new Map<StoredGap, number>();
  #place = 0;
  #begun: number | undefined;
  #leader = '';

  constructor(now: () => number, trace: ((line: string) => void) | undefined) {
    this.#now = now;
    this.#trace = trace;
  }

  note(line: () => string): void {
    this.#trace?.(`${(this.#now() / 1000).toFixed(3).padStart(8)} ${line()}`);
  }

  get messages(): number {
    return this.#published.length;
  }

  process(id: string, host: Host): ProcessRecord {
    const record = {
      id,
      troubles: host.troubles,
      get diedAt() {
        return host.diedAt;
      },
    };
    this.#processes.set(id, record);
    return record;
  }

  session(id: string, process: string): SessionRecord {
    const record: SessionRecord = {
      id,
      process: this.#processes.get(process) as ProcessRecord,
      step: undefined,
      heard: { place: 0, message: 0 },
      shed: 0,
      knewAt: Infinity,
      endedAt: undefined,
      abandonedAt: undefined,
      unseated: false,
    };
    this.#sessions.push(record);
    return record;
  }

  publishes(): number {
    const message = this.#published.length;
    this.#published.push(this.#now());
    this.#places.push(++this.#place);
    this.note(() => `message ${message} is published`);
    return message;
  }

  marked({ mark: epoch, bridges, lease }: MadeMark): void {
    this.#cuts.set(epoch, { place: ++this.#place, message: this.#published.length });
    const { token, beat, holder, relayed } = lease;
    this.note(
      () =>
        `mark ${epoch}: ${holder || 'no bridge'} leads (${token}, ${beat}), relayed ${relayed?.epoch}/${relayed?.offset}, ${bridges} bridges`,
    );
  }

  took(caller: string, token: number): void {
    this.#leader = caller;
    this.note(() => `${caller} takes the lead with token ${token}`);
  }

  relayed(request: RelayRequest, gap: StoredGap | undefined): void {
    const { caller, to, messages } = request;
    if (caller !== this.#leader)
      this.#usurped.push(`${caller} wrote, though ${this.#leader || 'no bridge'} had the lead`);
    this.#begun ??= this.#published.length;
    this.#passes.push({ time: this.#now(), message: this.#messageAt(to), caller });
    if (gap) this.#gapTimes.set(gap, this.#now());
    this.note(
      () => `${caller} has relayed ${messages.length}${gap ? ` and recorded a gap: ${gap.reason}` : ''}`,
    );
  }

  received(session: SessionRecord, message: number, dropped: boolean): void {
    session.heard = { place: this.#places[message] as number, message: message + 1 };
    if (dropped) session.shed = message + 1;
  }

  heard(session: SessionRecord, epoch: number): void {
    const cut = this.#cuts.get(epoch);
    if (!cut) return; // forged, and believed by a mutant
    session.step ??= cut;
    session.heard = { ...cut };
  }

  knows(session: SessionRecord): void {
    session.knewAt = Math.min(session.knewAt, this.#now());
  }

  /** Redis accepts nothing, or cannot be reached, until then. */
  unsettled(until: number): void {
    this.#unsettled.push({ from: this.#now(), to: until });
  }

  /** Redis loses data. */
  loses(redis: RedisModel, upAt: number, lose: () => void): void {
    this.unsettled(Math.max(upAt, this.#now()));
    const before = [...redis.inbox];
    lose();
    const after = new Set(redis.inbox);
    const lost = new Set(before.filter((message) => !after.has(message)));
    this.#losses.push({ time: this.#now(), lost, all: redis.position === undefined });
    if (!redis.position) this.#begun = undefined;
    const upTo = redis.position ? this.#messageAt(redis.position) : -1;
    this.#passes = this.#passes.filter(({ message }) => message <= upTo);
    // By an older state another bridge may have the lead than the one that took it last.
    this.#leader = redis.holder;
    this.note(
      () => `Redis has lost ${lost.size} messages, the position is ${JSON.stringify(redis.position)}`,
    );
  }

  #messageAt({ epoch, offset }: Position): number {
    return (this.#cuts.get(epoch)?.message ?? 0) + offset;
  }

  #placeOf(position: Position): number {
    const cut = this.#cuts.get(position.epoch);
    if (position.offset === 0) return cut?.place ?? 0;
    return this.#places[this.#messageAt(position) - 1] ?? 0;
  }

  history(redis: RedisModel, retain: number, lease: number, unrest: readonly string[]): History {
    return {
      retain,
      lease,
      published: this.#published,
      sessions: this.#sessions,
      losses: this.#losses,
      unsettled: this.#unsettled,
      passes: this.#passes,
      inbox: redis.inbox,
      gaps: redis.gaps.map((gap): RecordedGap => ({ ...gap, time: this.#gapTimes.get(gap) ?? 0 })),
      usurped: this.#usurped,
      unrest,
      messageAt: (position) => this.#messageAt(position),
      placeOf: (position) => this.#placeOf(position),
      begun: this.#begun ?? this.#published.length,
      passed: redis.position ? this.#messageAt(redis.position) : 0,
      end: this.#now(),
    };
  }
}
