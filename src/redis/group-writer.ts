import { type Gap, OLDER_STATE, type RelayRequest } from '../core/bridge-store.js';
import { CgroupError } from '../core/errors.js';
import type { DealtRelay, PassedGap, SharedBridgeStore } from '../core/lane-store.js';
import { deal } from '../core/lanes.js';
import { NOTHING, type Packed } from '../core/packed.js';
import { earliestOf, isAfter, isSame, ORIGIN, type Position } from '../core/position.js';
import { type LaneWriter, MOST_TRIES, type NotWritten, stuck } from './lane-writer.js';

type Call = Pick<RelayRequest, 'caller' | 'token' | 'on' | 'server' | 'lateAfter'>;

/**
 * What a leader writes to the lanes, and the position that is kept for the group. The lanes are the caller's, and it makes one
 * call after the other.
 */
export class GroupWriter {
  readonly #base: SharedBridgeStore;
  readonly #lanes: readonly LaneWriter[];
  readonly #path: readonly string[] | undefined;
  /** All lanes have what is theirs up to here: the position that the bridge knows. */
  written: Position | undefined;
  /** The position that is kept for the group. */
  kept: Position | undefined;
  /** The last gap that is recorded. */
  passed: PassedGap | undefined;
  /** The server where the bridge is subscribed. */
  server: string | undefined;
  /** The gap that is recorded before the messages after a position, which may be relayed again. */
  #told:
    | { readonly id: string; readonly from: Position | undefined; readonly dropped: number | undefined }
    | undefined;
  /** How many gaps were recorded. */
  #gaps = 0;

  /** @param path where the key of each message is; undefined without order `key` */
  constructor(base: SharedBridgeStore, lanes: readonly LaneWriter[], path: readonly string[] | undefined) {
    this.#base = base;
    this.#lanes = lanes;
    this.#path = path;
  }

  /** A lead begins: the lanes are taken, and the group is at this position. */
  begin(kept: Position | undefined, server: string | undefined): void {
    this.kept = kept;
    this.server = server;
    this.#told = undefined;
    this.passed = undefined;
    for (const { passed } of this.#lanes) if (isAfter(passed?.at, this.passed?.at)) this.passed = passed;
  }

  /** Resolves to what keeps the relay from counting. */
  async relay(request: RelayRequest): Promise<NotWritten | undefined> {
    const { from, to, messages, gap, server } = request;
    this.server = server;
    // A lane has lost something, of which the bridge has not heard yet.
    if (isAfter(from, this.written)) return this.backToWritten();
    const refused =
      (gap && (await this.#tell(request, gap))) ||
      (messages.length > 0 && (await this.#deal(request))) ||
      // Without messages it asks for the position, or passes over a gap. After a gap the group gets a position behind it.
      ((messages.length === 0 || gap) && (await this.level(request, to)));
    // It subscribes anew, and tells the lanes.
    if (refused && refused.kind === 'late' && request.on !== undefined)
      throw new CgroupError('OTHER_SERVER', 'the bridges are at another server now');
    if (refused) return refused;
    this.written = to;
    this.#told = undefined;
    return undefined;
  }

  /**
   * Records a gap before the messages behind it are written: if this leader dies between two lanes, the next one goes on after
   * the gap in some, and tells it again. A relay that is sent again has the same id for it, so it is recorded once; but perhaps twice
   * in a group that has no position yet.
   */
  async #tell(request: RelayRequest, gap: Gap): Promise<NotWritten | undefined> {
    const { caller, token, from, to } = request;
    if (!this.#told || !isSame(this.#told.from, from))
      this.#told = { id: `${token}-${++this.#gaps}`, from, dropped: undefined };
    const { id, dropped } = this.#told;
    if (dropped !== undefined && dropped >= gap.dropped) return undefined;
    // What is lost came after the position. A leader that beats may have waited for a lane.
    const since = from && from.epoch > 0 ? Math.min(from.epoch, gap.since ?? from.epoch) : gap.since;
    const passed = { at: to, since: since ?? to.epoch };
    const refused = this.kept
      ? await this.#keep(request, this.kept, passed, { ...gap, since, id })
      : undefined;
    if (refused) return refused;
    if (!this.kept) await this.#base.missed(caller, { ...gap, since, dropped: gap.dropped - (dropped ?? 0) });
    this.#told = { id, from, dropped: gap.dropped };
    this.passed = passed;
    return undefined;
  }

  /** Writes its part to each lane that has one. */
  #deal(request: RelayRequest): Promise<NotWritten | undefined> {
    const reached = () => this.#lanes.map((lane) => lane.reached);
    const parts = () => deal(request, reached(), this.#path);
    const first = parts();
    return this.#writeAll(request, false, (i, tries) => (tries === 0 ? first : parts())[i] ?? NOTHING);
  }

  /** Moves all lanes to a position, or finds what they have lost; then the group, which never goes back. */
  async level(call: Call, to: Position): Promise<NotWritten | undefined> {
    const { caller, token, server, lateAfter } = call;
    const request = { caller, token, server, lateAfter, from: to, to, messages: NOTHING, packSize: 1 };
    return (await this.#writeAll(request, true, () => NOTHING)) ?? this.#keep(call, to, this.passed);
  }

  /** Resolves to what keeps it from counting. What a lane has lost is taken note of in any case. */
  async #writeAll(
    request: RelayRequest,
    always: boolean,
    partOf: (lane: number, tries: number) => Packed,
  ): Promise<NotWritten | undefined> {
    const results = await Promise.allSettled(
      this.#lanes.map((lane, i) =>
        lane.write({ ...request, passed: this.passed }, (tries) => partOf(i, tries), always),
      ),
    );
    let held: NotWritten | undefined;
    let failed: PromiseRejectedResult | undefined;
    for (const result of results) {
      if (result.status === 'rejected') failed = result;
      else if (result.value?.kind === 'elsewhere') {
        this.written = earliestOf([this.written ?? ORIGIN, result.value.position ?? ORIGIN]);
        held ??= result.value;
      } else if (result.value) held = result.value;
    }
    if (failed) throw failed.reason;
    return held?.kind === 'elsewhere' ? this.backToWritten() : held;
  }

  /** What the bridge gets if a lane is not where it believes: it goes on from there. */
  backToWritten(): Extract<NotWritten, { kind: 'elsewhere' }> {
    return { kind: 'elsewhere', position: this.written };
  }

  /** All lanes are at a position, or further, and have passed a gap: keeps it for the group, unless that is further. */
  async #keep(
    { caller, token, on, server }: Call,
    to: Position,
    last: PassedGap | undefined,
    gap?: DealtRelay['gap'],
  ): Promise<NotWritten | undefined> {
    const passed = last && { ...last, reason: OLDER_STATE };
    const rest = { messages: NOTHING, packSize: 1, lanes: this.#lanes.length, passed, gap };
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const from = this.kept;
      const target = from && isAfter(from, to) ? from : to;
      const reply = await this.#base.relay({ caller, token, on, server, from, to: target, ...rest });
      if (reply.kind === 'written') {
        this.kept = target;
        return undefined;
      }
      if (reply.kind !== 'elsewhere') return reply;
      // Its own reply was lost, or the node came back with an older state, which is none of the lanes'.
      this.kept = reply.position;
    }
    throw stuck();
  }
}
