import type { Bridge } from '../bridge/bridge.js';
import type { Puller } from '../bridge/puller.js';
import type { Committer } from '../consumer/committer.js';
import type { Heartbeats } from '../consumer/heartbeats.js';
import type { KeyKeeper } from '../consumer/key-keeper.js';
import type { OrderKeeper } from '../consumer/order-keeper.js';
import type { ReadLimiter } from '../consumer/read-limiter.js';
import type { Reclaimer } from '../consumer/reclaimer.js';
import type { Renewal } from '../consumer/renewal.js';
import type { Unpacker } from '../consumer/unpacker.js';
import type { ConsumerStore } from '../core/consumer-store.js';
import type { ControlStore } from '../core/control.js';
import type { Executor } from '../core/executor.js';
import type { Recorder } from '../core/record.js';
import type { Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { Join, WorkerHub } from '../processor/remote/hub.js';
import type { GroupInspector } from '../redis/group-inspector.js';
import type { Keys } from '../redis/keys.js';
import type { LanePlace } from '../redis/open-lanes.js';
import type { OrderedCommits } from '../redis/ordered-commits.js';
import type { Connection } from '../redis/protocol/connection.js';
import type { Connections } from '../redis/protocol/connections.js';
import type { ServerFacts } from '../redis/server.js';
import type { Settings } from '../settings/settings.js';
import type { Tracing } from '../tracing/tracing.js';
import type { Autoscaling } from './autoscaling.js';
import type { ConsumerPool } from './consumer-pool.js';
import type { Reports } from './events.js';
import type { Identity } from './identity.js';
import type { OrderFollower } from './orders.js';

/** What the parts of a group are made from. */
export interface Dependencies {
  readonly settings: Settings;
  readonly identity: Identity;
  /** Consumers to begin with; undefined for a managed process. */
  readonly size: number | undefined;
  readonly connections: Connections;
  readonly executor: Executor;
  /** The remote workers, if they are the processor: then the process runs no other consumers. */
  readonly hub: WorkerHub | undefined;
  /** The system of record, started; undefined if there is none. */
  readonly recorder: Recorder | undefined;
  readonly reports: Reports;
  /** Kept only if http shows them. */
  readonly stats: ProcessStats | undefined;
  readonly log: Logger;
}

/** The road of messages in one lane of a group; of all of them, if it has one lane. */
export interface Lane {
  readonly place: LanePlace;
  readonly readLimiter: ReadLimiter;
  readonly store: ConsumerStore;
  readonly ordered: OrderedCommits;
  readonly committer: Committer;
  readonly reclaimer: Reclaimer;
  /** Runs with the heartbeats: also while its consumers leave. */
  readonly renewal: Renewal;
  readonly unpacker: Unpacker;
  readonly keyKeeper: KeyKeeper;
}

/** What works in a lane by itself, from the start of its consumers until they are to leave. */
export function servicesOf({ reclaimer, unpacker, keyKeeper }: Lane): Service[] {
  return [reclaimer, unpacker, keyKeeper];
}

/** Everything that runs, from start to stop. */
export interface Parts {
  readonly inspector: GroupInspector;
  /** The connection on which consumers write. */
  readonly main: Connection;
  readonly bridge: Bridge | undefined;
  /** In place of the bridge, if the messages come from a list or a stream. */
  readonly puller: Puller | undefined;
  readonly consumers: ConsumerPool;
  /** Adds the consumer of a remote worker. */
  readonly join: Join;
  /** The road of messages in each lane. */
  readonly lanes: readonly Lane[];
  /** In total order only. */
  readonly orderKeeper: OrderKeeper | undefined;
  readonly heartbeats: Heartbeats;
  readonly orders: OrderFollower;
  readonly control: ControlStore;
  readonly autoscaling: Autoscaling;
  /**
   * To be called when a bridge of the process runs.
   *
   * @throws {SettingsError} if another process has set another number of lanes meanwhile
   */
  readonly confirm: () => Promise<void>;
}

/** What is known once Redis has answered. */
export interface Resolved {
  readonly main: Connection;
  readonly keys: Keys;
  readonly server: ServerFacts;
  /** Undefined without tracing: it then costs nothing per message. */
  readonly tracing: Tracing | undefined;
}
