import { type EndedProcess, KEPT_ENDS, type Orders, type ProcessReport } from '../core/control.js';
import { CgroupError } from '../core/errors.js';
import type { Beat, Registry } from '../core/registry.js';
import { pause } from '../core/service.js';
import type { ForeignValue } from './foreign.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import type { Connections } from './protocol/connections.js';
import { beat, liveAmong, type RestoredControl, restoreControl } from './scripts/control.js';

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

/**
 * The connection for the keys of the list of consumers. On a Cluster they lie in a slot of their own; else it is that of the group.
 *
 * @throws {CgroupError} as {@link Connections.open}
 */
export async function openRegistry(
  connections: Connections,
  group: Connection,
  { consumerList }: Pick<Keys, 'consumerList'>,
): Promise<Connection> {
  return group.serves(consumerList) ? group : connections.open('registry', consumerList);
}

/** The heartbeats of all processes and consumers, and the list that is made of them. */
export class RedisRegistry implements Registry {
  readonly #group: Connection;
  readonly #registry: Connection;
  readonly #keys: Keys;
  /** The id of this process. */
  readonly #id: string;
  readonly #output: string;
  readonly #lanes: number;
  readonly #member: string;
  /** The control as it was last read. */
  #known: RestoredControl | undefined;

  /** @param registry see {@link openRegistry} */
  constructor(
    group: Connection,
    keys: Keys,
    { id, host, pid, output, lanes = 1 }: Member & { readonly id: string; readonly lanes?: number },
    registry = group,
  ) {
    this.#group = group;
    this.#registry = registry;
    this.#keys = keys;
    this.#id = id;
    this.#output = output;
    this.#lanes = lanes;
    this.#member = JSON.stringify({ host, pid, output } satisfies Member);
  }

  async beat(
    report: ProcessReport | undefined,
    beating: readonly string[],
    leaving: readonly string[],
    silence: number,
  ): Promise<Beat & Orders> {
    const found = await this.#restored(Math.round(silence / 4));
    // Apart: each heartbeat looks at those of all processes.
    const { packSize, ...rest } = report ?? {};
    const reply = await this.#registry.run(beat, this.#keys, {
      silence,
      output: this.#output,
      process: this.#id,
      report: report && JSON.stringify({ ...rest, output: this.#output }),
      packSize,
      member: this.#member,
      lanes: this.#lanes,
      beating,
      leaving,
      ...(report?.managed && found.texts),
    });
    const { control, healed, error } = found;
    if (error !== undefined) throw error;
    return { ...reply, control, healed };
  }

  async noteEnded(silent: readonly EndedProcess[]): Promise<readonly EndedProcess[]> {
    const live = await this.#registry.run(liveAmong, this.#keys, { names: silent.map(({ id }) => id) });
    const ended = silent.filter(({ id }) => !live.includes(id));
    const { ended: key } = this.#keys;
    for (const { id, host } of ended)
      await this.#group.call('XADD', key, 'MAXLEN', '=', KEPT_ENDS, '*', 'process', id, 'host', host);
    return ended;
  }

  /**
   * Reads the control, and restores it. If its slot alone is away, it is the last one that was read, and the error that this
   * heartbeat ends with: it is sent in time all the same, because the consumers of this process live.
   */
  async #restored(patience: number): Promise<RestoredControl & { readonly error?: unknown }> {
    const reading = this.#group.run(restoreControl, this.#keys, { process: this.#id }).then((found) => {
      this.#known = found;
      return found;
    });
    const last = this.#known;
    if (this.#registry === this.#group || !last) return reading;
    const over = new AbortController();
    const late = pause(patience, over.signal).then(() => {
      throw new CgroupError('REDIS_UNREACHABLE', `restore-control: no reply within ${patience} ms`);
    });
    try {
      return await Promise.race([reading, late]);
    } catch (error) {
      return { ...last, error };
    } finally {
      over.abort();
    }
  }
}
