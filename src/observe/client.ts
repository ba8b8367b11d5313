import type { AutoscaleRule, Control, ControlEvent, ProcessStatus } from '../core/control.js';
import { CgroupError } from '../core/errors.js';
import { sourceFlags, sourceOf } from '../core/source.js';
import { groupLogger, type Logger, silentLogger } from '../log/logger.js';
import type { GroupInspector } from '../redis/group-inspector.js';
import { keysOf } from '../redis/keys.js';
import { lanesIn, makeInspector, openFormerLanes, openLanesToRead } from '../redis/open-lanes.js';
import { Connections, type ConnectionsOptions } from '../redis/protocol/connections.js';
import { openRegistry } from '../redis/registry.js';
import { readServer } from '../redis/server.js';
import { ownerOf, refuseUnfit } from '../redis/server-checks.js';
import { parseOptions } from '../settings/parse.js';
import type { Settings, SettingsInput } from '../settings/settings.js';
import type { Verification, VerifyOptions } from '../verify/verify.js';
import { DeadLetters } from './dead-letters.js';
import { type ChangeOptions, GroupControl } from './group-control.js';
import { type GroupStatus, readStatus } from './status.js';

export type { GroupInspector } from '../redis/group-inspector.js';
export type { StreamEntry } from '../redis/reading.js';

export interface ClientOptions extends SettingsInput {
  readonly logger?: Logger;
}

/**
 * Reads a group from outside, changes its control and acts on its dead letters. It neither relays nor consumes.
 *
 * @example
 * const client = await GroupClient.connect({ redis: 'redis://127.0.0.1:6379' });
 * console.log((await client.status()).backlog);
 * await client.deadLetters.retryAll();
 * client.close();
 */
export class GroupClient implements AsyncDisposable {
  readonly settings: Settings;
  readonly deadLetters: DeadLetters;
  /** @internal streams and counters, for the commands */
  readonly inspector: GroupInspector;
  readonly #connections: Connections;
  readonly #control: GroupControl;

  private constructor(settings: Settings, connections: Connections, inspector: GroupInspector) {
    this.settings = settings;
    this.#connections = connections;
    this.inspector = inspector;
    this.deadLetters = new DeadLetters(this.inspector);
    this.#control = new GroupControl(this.inspector.control);
  }

  /**
   * Connects to the Redis of a group.
   *
   * @throws {CgroupError} SETTINGS, REDIS_UNREACHABLE (after 5 s), REDIS_AUTH, REDIS_VERSION
   */
  static async connect(options?: ClientOptions): Promise<GroupClient>;
  /** @internal for the commands: see {@link ConnectionsOptions.oneShot} */
  static async connect(
    options: ClientOptions,
    how: Pick<ConnectionsOptions, 'oneShot'>,
  ): Promise<GroupClient>;
  static async connect(
    options: ClientOptions = {},
    how: Pick<ConnectionsOptions, 'oneShot'> = {},
  ): Promise<GroupClient> {
    const { logger = silentLogger, ...input } = options;
    const settings = parseOptions(input);
    const keys = keysOf(settings);
    const log = groupLogger(logger, settings);
    const connections = new Connections(() => settings, log, how);
    try {
      const connection = await connections.open('client');
      refuseUnfit(await readServer(connection));
      const registry = await openRegistry(connections, connection, keys);
      const count = await lanesIn(connection, keys, settings.lanes);
      const [lanes, former] = await Promise.all([
        openLanesToRead(connections, 'client', { ...settings, lanes: count.lanes }),
        openFormerLanes(connections, 'client', settings, count),
      ]);
      const { group } = settings;
      const inspector = makeInspector({ connection, keys, registry, lanes, former, group });
      return new GroupClient(settings, connections, inspector);
    } catch (error) {
      connections.close();
      throw error;
    }
  }

  /** The state of the whole group. */
  status(): Promise<GroupStatus> {
    return readStatus(this.inspector, this.settings, sourceOf(this.settings));
  }

  /** What operators want of the group: size, pause, autoscaling, drained hosts and processes. */
  control(): Promise<Control> {
    return this.#control.control();
  }

  /** All live processes of the group, managed and fixed. */
  processes(): Promise<ProcessStatus[]> {
    return this.#control.processes();
  }

  /** The last 100 changes of the control, oldest first. */
  events(): Promise<ControlEvent[]> {
    return this.#control.events();
  }

  /**
   * Sets how many consumers run in all managed processes together, or lets the group find the number within a rule: what the
   * rule leaves out stays as it is, or is 1 to 100 consumers and 10 s. Returns when it is set, not when they run.
   *
   * @throws {CgroupError} SETTINGS for a wrong number; STALE if another change came first
   */
  scale(to: number | Partial<AutoscaleRule>, options?: ChangeOptions): Promise<Control> {
    return this.#control.scale(to, options);
  }

  /**
   * No consumer of the group begins an attempt, in any process, until {@link resume}. Bridges go on. It outlives restarts.
   *
   * @throws {CgroupError} STALE if another change came first
   */
  pause(options?: ChangeOptions): Promise<Control> {
    return this.#control.pause(options);
  }

  /**
   * Ends a pause.
   *
   * @throws {CgroupError} STALE if another change came first
   */
  resume(options?: ChangeOptions): Promise<Control> {
    return this.#control.resume(options);
  }

  /**
   * Takes all managed consumers away from a host or a process. The others run them, within their capacities.
   *
   * @param name of a host, or the id of a process
   * @throws {CgroupError} NOT_FOUND if no live host or process has the name; STATE if all that have it are fixed
   */
  drain(name: string, options?: Pick<ChangeOptions, 'why'>): Promise<Control> {
    return this.#control.drain(name, options);
  }

  /**
   * Ends {@link drain}.
   *
   * @throws {CgroupError} NOT_FOUND if the name is not drained
   */
  undrain(name: string, options?: Pick<ChangeOptions, 'why'>): Promise<Control> {
    return this.#control.undrain(name, options);
  }

  /**
   * Compares the output and the dead letters with the counters, and with ledgers of published ids. The group may be running.
   * Where no group ever ran, nothing is `ok`.
   *
   * @throws {CgroupError} NOT_FOUND for a ledger that cannot be read; KEY_TYPE, REDIS_REFUSED, REDIS_UNREACHABLE
   */
  async verify(options: VerifyOptions = {}): Promise<Verification> {
    const { verify } = await import('../verify/verify.js');
    const result = await verify(this.inspector, options);
    const { relayed, backlog, unexpected } = result;
    if (!result.ok || relayed + backlog + unexpected > 0) return result;
    return { ...result, ok: (await this.inspector.owner()) !== null };
  }

  /**
   * Checks that the output belongs to the source and Redis group of the settings: with a wrong name, all numbers look like
   * those of an idle group.
   *
   * @returns what is wrong and what to do, in words; undefined if nothing is, or Redis does not answer
   */
  async misnamed(): Promise<{ readonly what: string; readonly fix: string } | undefined> {
    const { output } = this.settings;
    try {
      const owner = await this.inspector.owner();
      // A size, or a pause, may be set before the first start.
      if (owner === null && (await this.control()).revision > 0) return undefined;
      if (owner === null)
        return { what: `no group has run here with the output ${output}`, fix: 'see --output and --redis' };
      const { status, what, fixes = [] } = ownerOf(owner, this.settings);
      const [flag] = sourceFlags(owner.source ?? sourceOf(this.settings));
      const isList = fixes.some(({ words }) => words.includes('--consumer-list'));
      const names = isList ? '--consumer-list' : `${flag} and --group`;
      return status === 'mend' ? { what, fix: `give its ${names}` } : undefined;
    } catch (error) {
      // The status fails in the same way, and reports why.
      if (error instanceof CgroupError) return undefined;
      throw error;
    }
  }

  /** Closes the connections. Idempotent. */
  close(): void {
    this.#connections.close();
  }

  /** As {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
