import type { Beat, Registry } from '../core/registry.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { beat } from './scripts/group.js';

/** A process that runs consumers, as Redis stores it. */
export interface Member {
  readonly host: string;
  readonly pid: number;
  /** Where its consumers write: groups with different outputs share the list unless `consumerList` differs. */
  readonly output: string;
}

export interface LiveConsumer {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

/** The listed consumers that work for an output. A consumer of an unknown process is not left out. */
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

  beat(beating: readonly string[], leaving: readonly string[], silence: number): Promise<Beat> {
    return this.#connection.run(beat, this.#keys, { silence, member: this.#member, beating, leaving });
  }
}
