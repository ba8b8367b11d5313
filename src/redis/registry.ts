import type { Orders, ProcessReport } from '../core/control.js';
import type { Beat, Registry } from '../core/registry.js';
import type { ForeignValue } from './foreign.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { beat } from './scripts/control.js';

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

/** The live consumers of an output. */
export interface LiveConsumers {
  readonly consumers: readonly LiveConsumer[];
  /** What another program wrote about some of them. */
  readonly foreign: readonly ForeignValue[];
}

/** The listed consumers that work for an output. A consumer of an unknown process is not left out. */
export function consumersFor(
  { output, members: key }: Pick<Keys, 'output' | 'members'>,
  ids: readonly string[],
  members: ReadonlyMap<string, string>,
): LiveConsumers {
  const foreign: ForeignValue[] = [];
  const consumers = [...new Set(ids)].flatMap((id) => {
    const text = members.get(id);
    const member = text === undefined ? undefined : memberOf(text);
    if (text !== undefined && !member) foreign.push({ key, field: id });
    const { host, pid } = member ?? { host: '', pid: 0 };
    return member && member.output !== output ? [] : [{ id, host, pid }];
  });
  return { consumers, foreign };
}

/** What a process wrote about itself; undefined for any other text. */
function memberOf(text: string): Member | undefined {
  try {
    const { host, pid, output } = Object(JSON.parse(text)) as Record<keyof Member, unknown>;
    const isMember = typeof host === 'string' && Number.isSafeInteger(pid) && typeof output === 'string';
    return isMember ? { host, pid: Number(pid), output } : undefined;
  } catch {
    return undefined;
  }
}

/** The heartbeats of all processes and consumers, and the list that is made of them. */
export class RedisRegistry implements Registry {
  readonly #connection: Connection;
  readonly #keys: Keys;
  /** The id of this process. */
  readonly #id: string;
  readonly #output: string;
  readonly #member: string;

  constructor(
    connection: Connection,
    keys: Keys,
    { id, host, pid, output }: Member & { readonly id: string },
  ) {
    this.#connection = connection;
    this.#keys = keys;
    this.#id = id;
    this.#output = output;
    this.#member = JSON.stringify({ host, pid, output } satisfies Member);
  }

  beat(
    report: ProcessReport | undefined,
    beating: readonly string[],
    leaving: readonly string[],
    silence: number,
  ): Promise<Beat & Orders> {
    // Apart: each heartbeat looks at those of all processes.
    const { packSize, ...rest } = report ?? {};
    return this.#connection.run(beat, this.#keys, {
      silence,
      output: this.#output,
      process: this.#id,
      report: report && JSON.stringify({ ...rest, output: this.#output }),
      packSize,
      member: this.#member,
      beating,
      leaving,
    });
  }
}
