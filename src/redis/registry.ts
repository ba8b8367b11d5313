import type { Beat, Registry } from '../core/registry.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';

/** What is known of a process that runs consumers. */
export interface Member {
  readonly host: string;
  readonly pid: number;
  /** What its consumers write to: groups with different outputs share the list, unless told otherwise. */
  readonly output: string;
}

export interface LiveConsumer {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

/** Those of the listed consumers that work for an output; one of which nothing is known is not left out. */
export function consumersFor(
  output: string,
  ids: readonly string[],
  members: ReadonlyMap<string, string>,
): LiveConsumer[] {
  return ids.flatMap((id) => {
    const known = JSON.parse(members.get(id) ?? '{}') as Partial<Member>;
    const { host = '', pid = 0 } = known;
    return (known.output ?? output) === output ? [{ id, host, pid }] : [];
  });
}

/** The heartbeats of all consumers, and the list that is made of them. */
export class RedisRegistry implements Registry {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #member: string;

  constructor(connection: Connection, keys: Keys, member: Member) {
    this.#connection = connection;
    this.#keys = keys;
    this.#member = JSON.stringify(member);
  }

  /**
   * Notes heartbeats and brings the list up to date. See `beat.lua`.
   *
   * @param beating ids that are alive
   * @param leaving ids that are to go at once
   * @param silence ms without a heartbeat after which a consumer is dead
   * @throws {CgroupError} KEY_TYPE where a key holds something foreign; nothing is changed then.
   */
  async beat(beating: readonly string[], leaving: readonly string[], silence: number): Promise<Beat> {
    const { consumerList, heartbeats, members } = this.#keys;
    const args = [silence, this.#member, beating.length, ...beating, ...leaving];
    const reply = await this.#connection.run('beat', [consumerList, heartbeats, members], args);
    const [live, dead] = reply as [string[], string[]];
    return { live, dead };
  }
}
