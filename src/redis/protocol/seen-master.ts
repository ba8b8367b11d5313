import { type HostPort, hostAndPort } from '../../core/redis-address.js';

/** A master, as a Sentinel or a node of a Cluster sees it. */
export interface SeenMaster extends HostPort {
  /** The higher one is true, if two of them name two masters; {@link UNKNOWN_EPOCH} if it is not told. */
  readonly epoch: number;
}

/** Of a server that may not be asked for epochs. */
export const UNKNOWN_EPOCH = -1;

/**
 * The master with the highest epoch, under each of the names that it has. Several servers that name it differently with one epoch
 * mean the same server: they only see it by another address. Without epochs one name counts, the first.
 */
export function newestOf(seen: readonly (SeenMaster | undefined)[]): readonly SeenMaster[] {
  const known = seen.filter((one) => one !== undefined);
  const epoch = Math.max(...known.map((one) => one.epoch));
  const newest = new Map(
    known.filter((one) => one.epoch === epoch).map((one) => [hostAndPort(one), one] as const),
  );
  return [...newest.values()].slice(0, epoch === UNKNOWN_EPOCH ? 1 : undefined);
}
