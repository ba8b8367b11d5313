import { CgroupError } from '../../core/errors.js';
import { type HostPort, hostAndPort } from '../../core/redis-address.js';
import { plural } from '../../core/words.js';
import type { Logger } from '../../log/logger.js';
import { lineWhenOver, REMIND_EVERY, repeatedFailures, ThrottledLog } from '../../log/throttle.js';
import { isAmong } from './followers.js';

/** ms without an answer before the log says so. */
const PATIENCE = 2_000;
/** ms after which the log says why a connection is not made again: the next try may work. */
const SECOND_TRY = 500;

/** What the log says of where a group's Redis is. */
export class PlaceLog {
  readonly #log: Logger;
  /** The master of each slot that was found last. */
  readonly #masters = new Map<number, HostPort>();
  /** The moves in the log: from where to where. A server that is a master again is no more in it. */
  readonly #moves = new Map<string, string>();
  #saidNames = false;
  readonly #replicas: ThrottledLog<unknown>;
  readonly #looks: ThrottledLog<unknown>;
  /** By server, in words: why connections to it fail. */
  readonly #failing = new Map<string, ThrottledLog<string>>();

  /** @param asked who is asked for the master, in words */
  constructor(log: Logger, asked: string) {
    this.#log = log;
    this.#replicas = repeatedFailures(
      log,
      'replicas are missing (minReplicas): messages and results wait for them',
      'warn',
    );
    const silent = `${asked} do not answer: if the master is replaced, it is not noticed`;
    this.#looks = new ThrottledLog({
      delay: PATIENCE,
      interval: REMIND_EVERY,
      write: (_count, error) => log.warn({ error }, silent),
      over: lineWhenOver(log, silent),
    });
  }

  /** So many replicas have what was written last. */
  replicas(count: number, least: number): void {
    if (count >= least) this.#replicas.over();
    else
      this.#replicas.add(
        new CgroupError('REDIS_REFUSED', `${count} of ${plural(least, 'replica')} have the last writes`),
      );
  }

  /** The master of a slot was found, under these names. */
  found(slot: number, names: readonly HostPort[]): void {
    this.#looks.over();
    const [master] = names;
    if (!master) return;
    if (names.length > 1) this.#sayNames(names);
    const before = this.#masters.get(slot);
    this.#masters.set(slot, master);
    if (before && !isAmong(before, names)) this.#moved(hostAndPort(before), hostAndPort(master));
  }

  /** Those who know who the master is did not answer. */
  notFound(error: unknown): void {
    this.#looks.add(error);
    this.#log.debug({ error }, 'cannot find out who the master is');
  }

  /** A connection that was lost is not made again, for a reason that somebody has to mend. */
  failed(server: string, why: string): void {
    let failing = this.#failing.get(server);
    if (!failing) {
      const what = `cannot connect to ${server} again`;
      failing = new ThrottledLog<string>({
        delay: SECOND_TRY,
        interval: REMIND_EVERY,
        write: (_count, last) => this.#log.warn({}, `${what}: ${last}`),
        over: lineWhenOver(this.#log, what),
      });
      this.#failing.set(server, failing);
    }
    failing.add(why);
  }

  /** A connection was made to a server; `servers` are its names. */
  connected(...servers: readonly string[]): void {
    for (const server of servers) this.#failing.get(server)?.over();
  }

  /** Slots of one node move together: that is one line. */
  #moved(from: string, to: string): void {
    if (this.#moves.get(from) === to) return;
    this.#moves.set(from, to);
    this.#moves.delete(to);
    this.#log.warn({ from, to }, `the master is at ${to} now, no longer at ${from}`);
  }

  #sayNames(names: readonly HostPort[]): void {
    if (this.#saidNames) return;
    this.#saidNames = true;
    const all = names.map(hostAndPort);
    this.#log.warn(
      { names: all },
      `one master has several addresses: ${all.join(', ')}; all servers should announce the same one ` +
        '(replica-announce-ip, sentinel announce-hostnames, cluster-announce-ip)',
    );
  }
}
