import type { Bridge } from '../bridge/bridge.js';
import type { Puller } from '../bridge/puller.js';
import type { Committer } from '../consumer/committer.js';
import type { Heartbeats } from '../consumer/heartbeats.js';
import type { KeyKeeper } from '../consumer/key-keeper.js';
import type { OrderKeeper } from '../consumer/order-keeper.js';
import type { Reclaimer } from '../consumer/reclaimer.js';
import type { Unpacker } from '../consumer/unpacker.js';
import type { ControlStore } from '../core/control.js';
import type { Executor } from '../core/executor.js';
import type { Recorder } from '../core/record.js';
import type { Logger } from '../log/logger.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { Join, WorkerHub } from '../processor/remote/hub.js';
import type { Inspector } from '../redis/inspect.js';
import type { Keys } from '../redis/keys.js';
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

/** Everything that runs, from start to stop. */
export interface Parts {
  readonly inspector: Inspector;
  /** The connection on which consumers write. */
  readonly main: Connection;
  readonly bridge: Bridge | undefined;
  /** In place of the bridge, if the messages come from a list or a stream. */
  readonly puller: Puller | undefined;
  readonly consumers: ConsumerPool;
  /** Adds the consumer of a remote worker. */
  readonly join: Join;
  readonly committer: Committer;
  readonly reclaimer: Reclaimer;
  readonly unpacker: Unpacker;
  readonly keyKeeper: KeyKeeper;
  /** In total order only. */
  readonly orderKeeper: OrderKeeper | undefined;
  readonly heartbeats: Heartbeats;
  readonly orders: OrderFollower;
  readonly control: ControlStore;
  readonly autoscaling: Autoscaling;
}

/** What is known once Redis has answered. */
export interface Resolved {
  readonly main: Connection;
  readonly keys: Keys;
  readonly server: ServerFacts;
  /** Undefined without tracing: it then costs nothing per message. */
  readonly tracing: Tracing | undefined;
}
