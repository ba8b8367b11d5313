import type { HostPort } from '../../core/redis-address.js';
import { type SeenMaster, UNKNOWN_EPOCH } from './seen-master.js';

/**
 * Reads what a Sentinel answers (https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/).
 *
 * @param address reply to SENTINEL GET-MASTER-ADDR-BY-NAME: the new master as soon as it is promoted
 * @param facts reply to SENTINEL MASTER, names and values in turn
 * @returns undefined if it does not know the master
 */
export function masterIn(address: unknown, facts: unknown): SeenMaster | undefined {
  if (!Array.isArray(address)) return undefined;
  const epoch = Number(fieldOf(facts, 'config-epoch') ?? UNKNOWN_EPOCH);
  return { host: String(address[0]), port: Number(address[1]), epoch };
}

/** How many Sentinels must agree that the master is away, from the reply to SENTINEL MASTER; undefined if it is not told. */
export function quorumIn(facts: unknown): number | undefined {
  const quorum = fieldOf(facts, 'quorum');
  return quorum === undefined ? undefined : Number(quorum);
}

/** The other Sentinels, from the reply to SENTINEL SENTINELS. */
export function sentinelsIn(reply: unknown): HostPort[] {
  if (!Array.isArray(reply)) return [];
  return reply.flatMap((facts: unknown) => {
    const [host, port] = [fieldOf(facts, 'ip'), Number(fieldOf(facts, 'port'))];
    return host && port > 0 ? [{ host, port }] : [];
  });
}

function fieldOf(facts: unknown, name: string): string | undefined {
  if (!Array.isArray(facts)) return undefined;
  const at = facts.findIndex((one, i) => i % 2 === 0 && one === name);
  return at < 0 ? undefined : String(facts[at + 1]);
}
