import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { hostname } from 'node:os';
import { performance } from 'node:perf_hooks';
import { Bridge } from './bridge/bridge.js';
import { Committer } from './consumer/committer.js';
import { Consumer, type Failure } from './consumer/consumer.js';
import { Digest } from './digest.js';
import { lineOf } from './doctor/finding.js';
import { evictionOf, refuseUnfit } from './doctor/server-checks.js';
import { CgroupError, messageOf } from './errors.js';
import { Failing } from './failing.js';
import type { HttpServer } from './http/server.js';
import type { GroupView } from './http/view.js';
import { groupLogger, type Logger, silentLogger } from './logger.js';
import { Members } from './members.js';
import { chooseWorkshop } from './processor/choose.js';
import type { Processor } from './processor/processor.js';
import type { Workshop } from './processor/workshop.js';
import { Reclaimer } from './reclaimer.js';
import { Connection } from './redis/connection.js';
import { Inspector } from './redis/inspect.js';
import { keysOf } from './redis/keys.js';
import { type Gap, LeaseStore } from './redis/lease.js';
import { type PrivateRedis, startPrivateRedis } from './redis/private.js';
import { RegistryStore } from './redis/registry.js';
import { RoadStore } from './redis/road.js';
import { readServer, type ServerFacts } from './redis/server.js';
import { pause } from './service.js';
import { parseSettings, type Settings, type SettingsInput } from './settings.js';
import { aborted, Deadlines, type Parts, stopParts } from './shutdown.js';
import { type GroupStatus, readStatus } from './snapshot.js';
import { loadTracing } from './tracing/load.js';
import { TracedLeaseStore, TracedRoadStore } from './tracing/stores.js';
import type { Tracing } from './tracing/tracing.js';
import { Vitals } from './vitals.js';

/** Entries that may lie unprocessed with all consumers of a process: what lies there longer must be renewed. */
const MOST_UNPROCESSED = 8_000;
/** Of these, the share of one consumer is at most so many, or the event loop would stutter; and at least so many. */
const MOST = 500;
const FEWEST = 50;

/** The settings of a group, as in the config file, and what only a program can give. */
export interface GroupOptions extends SettingsInput {
  /** Processes the messages on this thread; instead of `processor`, a module that has threads of its own. */
  readonly process?: Processor;
  /** Any pino logger, or one like it. Without it nothing is logged. */
  readonly logger?: Logger;
}

export interface GroupEvents {
  /** What is published from now on is relayed and processed. */
  ready: [];
  /** This process relays the channel. */
  leading: [];
  /** Messages may have been missed. */
  gap: [gap: Gap];
  /** An attempt failed, or a message could not be tried at all. */
  failure: [failure: Failure];
  /** Redis has taken results, retries and dead letters of this process. */
  settled: [count: { readonly processed: number; readonly retried: number; readonly dead: number }];
  /** Entries were deleted from the inbox by somebody else. */
  lost: [count: number];
}

/** ms to wait for Redis at start-up. */
const CONNECT_TIMEOUT = 5_000;
/** ms to wait at start-up until some bridge of the group is in place. */
const BRIDGE_TIMEOUT = 15_000;
/** Bytes of what is relayed already that a bridge keeps, at most. */
const RETAIN_BYTES = 64 * 2 ** 20;

/**
 * A bridge and N consumers in this process, together with those of other processes on the same Redis.
 * It has no effect on the process around it: no signal handlers, no output, no exit.
 *
 * @example
 * const group = new ConsumerGroup({ size: 5, process: async (message) => ({ ...message, seen: true }) });
 * await group.start();
 * // ...
 * await group.stop();
 */
export class ConsumerGroup extends EventEmitter<GroupEvents> {
  readonly settings: Settings;
  readonly #process: Processor | undefined;
  readonly #log: Logger;
  readonly #deaths: Digest<Failure>;
  readonly #failing: Failing;
  #workshop: Workshop | undefined;
  #redis: PrivateRedis | undefined;
  #http: HttpServer | undefined;
  /** Kept only where http shows them. */
  readonly #vitals: Vitals | undefined;
  #ready = false;
  #opened: Connection[] = [];
  #parts: Parts | undefined;
  /** Undefined where nobody traces: then no message is looked at for it. */
  #tracing: Tracing | undefined;
  #starting: Promise<void> | undefined;
  #started: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** Ends the waiting of a start under way. */
  readonly #quit = new AbortController();

  /** @throws {SettingsError} naming each wrong setting */
  constructor(options: GroupOptions = {}) {
    super();
    const { process: processor, logger, ...settings } = options;
    this.settings = parseSettings(settings);
    this.#process = processor;
    this.#vitals = this.settings.http && new Vitals();
    this.#log = groupLogger(logger ?? silentLogger, this.settings);
    this.#failing = new Failing(this.#log);
    this.#deaths = new Digest(1_000, (count, last) =>
      this.#log.warn(
        {
          count,
          consumer: last.consumerId,
          inboxId: last.inboxId,
          attempt: last.attempt,
          reason: last.reason,
        },
        `${count} new dead letter${count === 1 ? '' : 's'}, the last one (${last.reason}): ${last.error}`,
      ),
    );
  }

  /** The URL of the Redis in use; that of the private one, once started, if `embedded` is set. */
  get redisUrl(): string {
    return this.#redis?.url ?? this.settings.redis;
  }

  /**
   * Starts bridge and consumers. When it returns, whatever is published is processed; unless the group was
   * stopped meanwhile, which is no error.
   *
   * @throws {CgroupError} LISTEN, PROCESSOR, REDIS_UNREACHABLE (after 5 s), REDIS_AUTH, REDIS_VERSION, REDIS_NOT_INSTALLED,
   *   KEY_TYPE, or STATE if the group was stopped before
   */
  start(): Promise<void> {
    if (this.#stopping)
      return Promise.reject(
        new CgroupError('STATE', 'a stopped group cannot be started again: make a new one'),
      );
    this.#starting ??= this.#start();
    // Not a part of what stop() waits for: each would wait for the other.
    this.#started ??= this.#starting.catch(async (error) => {
      const stopped = this.#stopping !== undefined;
      await this.stop();
      if (!stopped) throw error;
    });
    return this.#started;
  }

  /**
   * Stops: relays what was received, finishes what is in work, hands back the rest, takes its ids from the
   * list. Takes no longer than `shutdownTimeout`; then up to 1 s for threads that a processor keeps busy, and up to 4 s
   * for a private Redis. A processor on this thread that keeps it busy delays all of that. May be called at any time,
   * and twice.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    this.#quit.abort();
    return this.#stopping;
  }

  /**
   * The state of the whole group, all processes together.
   *
   * @throws {CgroupError} STATE if it is not running
   */
  status(): Promise<GroupStatus> {
    if (!this.#parts)
      return Promise.reject(new CgroupError('STATE', 'the group is not running: start it first'));
    return readStatus(this.#parts.inspector, this.settings);
  }

  async #start(): Promise<void> {
    const { settings } = this;
    await this.#serve();
    const member = { host: hostname(), pid: process.pid, output: settings.output };
    // Names of ids hold no space: a mark is a line of words.
    const base = `${member.host.replace(/[^\w.-]/g, '_')}-${member.pid}-${randomBytes(3).toString('hex')}`;
    const ids = this.#consumerIds(base);
    const workshop = chooseWorkshop(settings, this.#process, ids, this.#log);
    this.#workshop = workshop;
    await workshop.start();
    if (settings.embedded && !this.#stopping) {
      this.#redis = await startPrivateRedis();
      if (this.#stopping) await this.#redis.stop(); // the stop may be over already
      this.#log.info(
        { redis: this.#redis.url },
        `started a private Redis for this run at ${this.#redis.url}`,
      );
    }
    const main = await this.#connect('consumers');
    const server = await readServer(main);
    refuseUnfit(server);
    this.#warnOf(server);
    const keys = keysOf(settings);
    const registry = new RegistryStore(main, keys, member);
    const tracing = await loadTracing(settings, this.#log);
    this.#tracing = tracing;
    const channel = settings.bridge === 'off' ? undefined : settings.channel;
    const road = tracing
      ? new TracedRoadStore(tracing, main, keys, settings.group, channel)
      : new RoadStore(main, keys, settings.group, channel);
    // This one first: it makes nothing, so that a foreign key under either's names leaves nothing behind.
    await registry.beat([], [], 3 * settings.heartbeat);
    await road.prepare();

    const bridge = settings.bridge === 'off' ? undefined : await this.#makeBridge(base, server);
    const committer = new Committer({
      store: road,
      outputMaxLen: settings.outputMaxLen,
      log: this.#log,
      onSettled: (count) => this.#onSettled(count),
      onResults: this.#vitals && ((results) => this.#vitals?.committed(results)),
    });
    const consumers = await this.#makeConsumers(ids, road, committer, workshop);
    const { claimAfter, heartbeat } = settings;
    this.#parts = {
      // What many may look at does not stand in the way of what the consumers write.
      inspector: new Inspector(settings.http ? await this.#connect('http') : main, keys, settings.group),
      main,
      bridge,
      consumers,
      committer,
      reclaimer: new Reclaimer({
        store: road,
        takers: consumers,
        claimAfter,
        log: this.#log,
        onLost: (count) => this.#onLost(count),
      }),
      members: new Members({
        registry,
        store: road,
        consumers,
        heartbeat,
        claimAfter,
        log: this.#log,
        onLost: (count) => this.#onLost(count),
      }),
    };
    await this.#startParts(this.#parts);
  }

  /** The bridge first: an id in the list means that what is published from then on is relayed. */
  async #startParts({ bridge, consumers, members, reclaimer }: Parts): Promise<void> {
    if (bridge) {
      const late = new AbortController();
      const inPlace = bridge.start().then(() => true);
      const timedOut = pause(BRIDGE_TIMEOUT, AbortSignal.any([late.signal, this.#quit.signal])).then(
        () => false,
      );
      const ok = await Promise.race([inPlace, timedOut]);
      late.abort();
      if (!ok && !this.#stopping)
        throw new CgroupError(
          'REDIS_REFUSED',
          `no bridge of the group is in place after ${BRIDGE_TIMEOUT / 1000} s`,
        );
    }
    if (this.#stopping) return;
    if (consumers.length > 0) await members.start();
    for (const consumer of consumers) consumer.start();
    await reclaimer.start();
    this.#log.info(
      { consumers: consumers.map(({ id }) => id) },
      `ready: ${consumers.length} consumer${consumers.length === 1 ? '' : 's'}, channel ${this.settings.channel}`,
    );
    this.#ready = true;
    this.#tell('ready');
  }

  /** First of all, so that whoever asks is told that it is starting. What it takes is loaded only where it is wanted. */
  async #serve(): Promise<void> {
    const { http, httpToken } = this.settings;
    if (!http || !this.#vitals || this.#stopping) return;
    const { HttpServer } = await import('./http/server.js');
    this.#http = new HttpServer({
      listen: http,
      token: httpToken,
      view: this.#view(this.#vitals),
      log: this.#log,
    });
    await this.#http.start();
  }

  async #stop(): Promise<void> {
    const deadlines = new Deadlines(this.settings.shutdownTimeout);
    // Without its threads and connections a start under way ends soon; with its parts made, they are stopped in order.
    if (!this.#parts) {
      for (const connection of this.#opened) connection.close();
      await this.#workshop?.stop();
    }
    // Not for ever: a processor's module may hang on import.
    await Promise.race([this.#starting?.catch(() => {}), aborted(deadlines.over)]);
    if (this.#parts) await stopParts(this.#parts, deadlines, this.#log);
    await this.#workshop?.stop();
    for (const connection of this.#opened) connection.close();
    this.#deaths.flush();
    this.#failing.stop();
    await this.#http?.stop();
    await this.#redis?.stop();
    this.#parts = undefined;
  }

  #consumerIds(base: string): string[] {
    const { size, bridge } = this.settings;
    return Array.from({ length: bridge === 'only' ? 0 : size }, (_, index) => `${base}-${index + 1}`);
  }

  async #connect(role: string): Promise<Connection> {
    const connection = this.#open(role);
    await connection.connect(CONNECT_TIMEOUT);
    return connection;
  }

  #open(role: string): Connection {
    if (this.#stopping) throw new CgroupError('STATE', 'the group was stopped while it started');
    const connection = this.#newConnection(role);
    this.#opened.push(connection);
    return connection;
  }

  #newConnection(role: string): Connection {
    const connection = new Connection(this.redisUrl, role, this.#log);
    this.#vitals?.watch(role, connection);
    return connection;
  }

  async #makeBridge(id: string, server: ServerFacts): Promise<Bridge> {
    const { settings } = this;
    const keys = keysOf(settings);
    const connection = await this.#connect('bridge');
    const bridge = new Bridge({
      id,
      channel: settings.channel,
      marks: keys.marks,
      seats: settings.bridges,
      lease: settings.lease,
      limits: { retain: settings.retain, retainBytes: RETAIN_BYTES, bytes: settings.bufferLimit },
      store: this.#tracing
        ? new TracedLeaseStore(this.#tracing, connection, keys)
        : new LeaseStore(connection, keys),
      connect: () => this.#newConnection('subscriber'),
      outputBufferLimit: server.pubsubHardLimit,
      log: this.#log.child({ bridge: id }),
    });
    bridge.on('leading', () => {
      if (this.#vitals) this.#vitals.leads++;
      this.#tell('leading');
    });
    bridge.on('fenced', () => {
      if (this.#vitals) this.#vitals.fences++;
    });
    bridge.on('gap', (gap) => this.#tell('gap', gap));
    return bridge;
  }

  async #makeConsumers(
    ids: readonly string[],
    store: RoadStore,
    committer: Committer,
    workshop: Workshop,
  ): Promise<Consumer[]> {
    const { concurrency, batch, maxAttempts, backoff } = this.settings;
    return Promise.all(
      ids.map(
        async (id) =>
          new Consumer({
            id,
            connection: await this.#connect('consumer'),
            store,
            committer,
            lane: this.#tracing ? this.#tracing.lane(workshop.lane(id), id) : workshop.lane(id),
            concurrency,
            batch,
            most: Math.min(Math.max(Math.floor(MOST_UNPROCESSED / ids.length), FEWEST), MOST),
            policy: { maxAttempts, backoff },
            log: this.#log.child({ consumer: id }),
            onFailure: (failure) => this.#onFailure(failure),
            onAttempt: this.#vitals && ((ms) => this.#vitals?.attempted(ms)),
          }),
      ),
    );
  }

  #warnOf(server: ServerFacts): void {
    const { version, maxmemoryPolicy } = server;
    this.#log.debug({ version }, `connected to ${version}`);
    const eviction = evictionOf(server);
    if (eviction.status === 'mend') this.#log.warn({ maxmemoryPolicy }, lineOf(eviction));
  }

  #onSettled(count: GroupEvents['settled'][0]): void {
    if (count.processed > 0) this.#failing.succeeded();
    if (this.#vitals) this.#vitals.settled += count.processed + count.retried + count.dead;
    this.#tell('settled', count);
  }

  #onFailure(failure: Failure): void {
    const { consumerId, inboxId, attempt, reason, error, dead } = failure;
    if (dead) this.#deaths.add(failure);
    else {
      this.#failing.failed(failure);
      this.#log.debug(
        { consumer: consumerId, inboxId, attempt, reason },
        `attempt ${attempt} failed: ${error}`,
      );
    }
    this.#tell('failure', failure);
  }

  /** What http is shown. */
  #view(vitals: Vitals): GroupView {
    const { group, channel, output, heartbeat, timeout } = this.settings;
    const self = this;
    return {
      group,
      channel,
      output,
      heartbeat,
      timeout,
      vitals,
      get inspector() {
        return self.#parts?.inspector;
      },
      get state() {
        if (self.#stopping) return 'stopping';
        return self.#ready ? 'running' : 'starting';
      },
      get connected() {
        return self.#parts?.main.isReady === true;
      },
      get bridge() {
        return self.#parts?.bridge;
      },
      get beatAge() {
        const last = self.#parts?.members.lastBeat;
        return last === undefined ? undefined : performance.now() - last;
      },
    };
  }

  #onLost(count: number): void {
    this.#log.error(
      { count },
      `${count} messages are lost: somebody deleted them from the inbox while they were pending`,
    );
    this.#tell('lost', count);
  }

  /** Events reach the listeners; what a listener throws stays with it. */
  #tell<E extends keyof GroupEvents>(event: E, ...args: GroupEvents[E]): void {
    try {
      (this as EventEmitter).emit(event, ...args);
    } catch (error) {
      this.#log.error({ error, event }, `a listener of the event ${event} threw: ${messageOf(error)}`);
    }
  }
}
