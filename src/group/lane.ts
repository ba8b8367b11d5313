import { Committer, type CommitterOptions } from '../consumer/committer.js';
import type { Consumer } from '../consumer/consumer.js';
import { KeyKeeper } from '../consumer/key-keeper.js';
import { ReadLimiter } from '../consumer/read-limiter.js';
import { Reclaimer } from '../consumer/reclaimer.js';
import { Renewal } from '../consumer/renewal.js';
import { Unpacker } from '../consumer/unpacker.js';
import type { DeadLetter, Halt } from '../core/consumer-store.js';
import type { OrderWindow } from '../core/order-window.js';
import { recordKindOf } from '../core/record.js';
import type { Sink } from '../core/sink.js';
import type { Source } from '../core/source.js';
import { type BuryRefusedOptions, buryRefused } from '../record/bury-refused.js';
import { recordingStore } from '../record/recording-store.js';
import { RedisConsumerStore } from '../redis/consumer-store.js';
import { RedisKeyStore } from '../redis/key-store.js';
import { hashesOf } from '../redis/keys.js';
import type { LanePlace } from '../redis/open-lanes.js';
import { OrderedCommits } from '../redis/ordered-commits.js';
import { WholePacks } from '../redis/whole-packs.js';
import type { Tracing } from '../tracing/tracing.js';
import type { Dependencies, Lane } from './parts.js';

/** How results are settled without an order, times, or a list. */
const PLAIN: Sink = { list: false, order: 'none', timed: false };

/**
 * Messages that the consumers of a process may read and commit at a time: two commits, and what is read meanwhile. Each lane has
 * a part of its own: one whose Redis does not answer keeps no other from reading.
 */
const MOST_IN_FLIGHT = 2_500;
const LEAST_IN_FLIGHT = 500;

/** What a lane needs of the rest of its process. */
export interface LaneOptions extends Pick<CommitterOptions, 'onSettled' | 'onResults' | 'onBuried'> {
  readonly place: LanePlace;
  /** How many lanes the group has, if this is the only one. */
  readonly lanes: number | undefined;
  /** What the group reads; undefined if this process does not relay. */
  readonly source: Source | undefined;
  readonly sink: Sink | undefined;
  /** In total order only: bounds what waits. */
  readonly window: OrderWindow;
  readonly tracing: Tracing | undefined;
  /** Most messages that a pack may hold now. */
  readonly packSize: () => number;
  /** Whether a process of an older version is live. */
  readonly older: () => boolean;
  /** The consumers of this process in the lane, which do not leave. */
  readonly consumers: () => readonly Consumer[];
  /** Also those that leave. */
  readonly allConsumers: () => readonly Consumer[];
  /** The live consumers of all processes, by the last heartbeat. */
  readonly live: () => readonly string[] | undefined;
  /** In total order: more may go out. */
  readonly onMore: () => void;
  readonly onHalted: (halts: readonly Halt[]) => void;
  readonly onLost: (count: number) => void;
}

/** Makes its parts. None of them is started, and nothing is written. */
export async function makeLane(
  { settings, connections, recorder, reports, log }: Dependencies,
  options: LaneOptions,
): Promise<Lane> {
  const { place, lanes, source, sink, window, tracing, packSize, onMore, onHalted, onLost } = options;
  const { connection, keys } = place;
  const { group, deadMaxLen, outputMaxLen, claimAfter, heartbeat } = settings;
  const isTotal = sink?.order === 'total';
  const onBuried = (deadLetters: readonly DeadLetter[]) => options.onBuried(deadLetters);
  const ordered = new OrderedCommits(connection, keys, {
    ...(sink ?? PLAIN),
    group,
    maxLength: outputMaxLen,
    run: packSize,
    window,
    record: recorder && {
      recorder,
      halt: isTotal && settings.onDead === 'halt',
      deadMaxLen,
      onMore,
      onBuried: (deadLetters) => reports.buried(deadLetters),
      onHalted,
    },
    onRefused: (results, errors) => buryRefused(burying, results, errors),
  });
  const hashes = sink?.hashed ? hashesOf(keys) : undefined;
  const writing = sink
    ? { ordered, burying: { order: sink.order, halt: settings.onDead === 'halt', hashes } }
    : { wholePacks: new WholePacks(await connections.open('packs', keys.output), keys, group, log) };
  const store = new RedisConsumerStore(connection, keys, group, source, {
    ...writing,
    lanes,
    output: { ...settings, record: recordKindOf(settings) },
  });
  const readLimiter = new ReadLimiter(Math.max(MOST_IN_FLIGHT / settings.lanes, LEAST_IN_FLIGHT));
  const burying: BuryRefusedOptions = { store, deadMaxLen, onBuried, onHalted };
  const settling = recorder ? recordingStore({ ...burying, store, recorder, later: isTotal }) : store;
  const committer = new Committer({
    store: tracing?.settlingStore(settling) ?? settling,
    readLimiter,
    movesMessages: isTotal && recorder !== undefined,
    outputMaxLen,
    deadMaxLen,
    log,
    onSettled: options.onSettled,
    onBuried,
    onHalted,
    onResults: options.onResults,
  });
  return {
    place,
    readLimiter,
    store,
    ordered,
    committer,
    reclaimer: new Reclaimer({ store, consumers: options.consumers, claimAfter, log, onLost }),
    renewal: new Renewal({
      store,
      consumers: options.allConsumers,
      live: options.live,
      ...{ heartbeat, claimAfter, log, onLost },
    }),
    unpacker: new Unpacker({
      store,
      older: options.older,
      onlyRuns: sink !== undefined,
      keepRuns: settings.record === undefined,
      log,
    }),
    keyKeeper: new KeyKeeper({
      store: new RedisKeyStore(connection, keys, group, packSize),
      keyed: settings.order === 'key',
      log,
    }),
  };
}
