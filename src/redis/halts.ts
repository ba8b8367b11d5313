import type { Halt } from '../core/consumer-store.js';
import type { ForeignValue } from './foreign.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { skip } from './scripts/group.js';

/** Members read at once. */
const PAGE = 1_000;
/** Places given up in one call: behind each, a message may go to the inbox. */
const SKIPPED = 20;
/** A place, the id of a dead letter or of the entry in which its message is tried again, and a key (see lua/halts.lua). */
const MEMBER = /^(\d{20})-(\d{20})\0(?:(\d+-\d+)|>\d+-\d+|)\0([^\0]*)$/;

/** What the zset `halted` holds. */
export interface HaltsFound {
  /** In the order of the messages. */
  readonly halts: readonly Halt[];
  /** Members that the group did not write. */
  readonly foreign: readonly ForeignValue[];
}

/** The dead letters that stop an order. */
export class Halts {
  readonly #connection: Connection;
  readonly #keys: Keys;

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** The first of them. */
  async first(most: number): Promise<HaltsFound> {
    const { halted: key } = this.#keys;
    const [halts, foreign]: [Halt[], ForeignValue[]] = [[], []];
    for (const member of await this.#range(0, most)) {
      const halt = haltIn(member);
      if (halt) halts.push(halt);
      else foreign.push({ key, field: member });
    }
    return { halts, foreign };
  }

  /** All of them. */
  async all(): Promise<Halt[]> {
    return [...(await this.#members()).values()];
  }

  /**
   * Gives up the places of some: the order goes on without them. A message that is tried again meanwhile keeps its place.
   *
   * @returns those whose places were given up
   * @throws {CgroupError} what Redis answers; the places before it are given up
   */
  async skip(wanted: (halt: Halt) => boolean): Promise<Halt[]> {
    const all = [...(await this.#members())].filter(([, halt]) => wanted(halt));
    if (all.length === 0) return [];
    const type = String(await this.#connection.call('TYPE', this.#keys.output));
    // Without an output its type is not known here: the processes of the group let the results out.
    const output = { list: type === 'list', letsOut: type === 'list' || type === 'stream' };
    const skipped: Halt[] = [];
    for (let first = 0, goesOn = true; first < all.length || goesOn; ) {
      const page = all.slice(first, first + SKIPPED);
      const members = page.map(([member]) => member);
      const reply = await this.#connection.run(skip, this.#keys, { ...output, members });
      for (const number of reply.skipped) skipped.push((page[number] as (typeof page)[0])[1]);
      first += reply.done;
      goesOn = reply.more;
    }
    return skipped;
  }

  async #members(): Promise<Map<string, Halt>> {
    const all = new Map<string, Halt>();
    for (let first = 0; ; first += PAGE) {
      const page = await this.#range(first, PAGE);
      for (const member of page) {
        const halt = haltIn(member);
        if (halt) all.set(member, halt);
      }
      if (page.length < PAGE) return all;
    }
  }

  async #range(first: number, count: number): Promise<string[]> {
    const last = first + count - 1;
    return (await this.#connection.call('ZRANGE', this.#keys.halted, first, last)) as string[];
  }
}

/** What a member of the zset says; undefined if another program wrote it. */
function haltIn(member: string): Halt | undefined {
  const [, ms, sequence, deadId = '', key] = MEMBER.exec(member) ?? [];
  if (ms === undefined || sequence === undefined) return undefined;
  return { deadId, inboxId: `${BigInt(ms)}-${BigInt(sequence)}`, key: key || undefined };
}
