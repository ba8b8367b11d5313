import { EventEmitter } from 'node:events';
import { type ControlChange, checkSize } from '../core/control.js';
import { CgroupError, SettingsError } from '../core/errors.js';
import type { Executor } from '../core/executor.js';
import type { Message } from '../core/message.js';
import { kindOfProcessor } from '../core/processor-kind.js';
import type { Recorder } from '../core/record.js';
import { aborted, pause, type Service } from '../core/service.js';
import { sourceOf, sourceText } from '../core/source.js';
import { plural } from '../core/words.js';
import type { HttpServer } from '../http/server.js';
import { groupLogger, type Logger, silentLogger } from '../log/logger.js';
import { ProcessStats } from '../observe/process-stats.js';
import { type GroupStatus, readStatus } from '../observe/status.js';
import { chooseExecutor } from '../processor/choose.js';
import type { Processor } from '../processor/processor.js';
import type { WorkerHub } from '../processor/remote/hub.js';
import { openRecorder } from '../record/open.js';
import { type LocalServer, startLocalServer } from '../redis/local-server.js';
import { Connections } from '../redis/protocol/connections.js';
import { patternHint } from '../settings/channels.js';
import { parseOptions } from '../settings/parse.js';
import type { Settings, SettingsInput } from '../settings/settings.js';
import { compose } from './compose.js';
import { type GroupEvents, Reports } from './events.js';
import { Identity } from './identity.js';
import { type Parts, servicesOf } from './parts.js';
import { Deadlines, stopParts } from './shutdown.js';
import { viewOf } from './view.js';

export type { GroupEvents } from './events.js';

/** The settings of a group, as in the config file, and those that only a program can give. */
export interface GroupOptions<Input extends Message = Message> extends Omit<SettingsInput, 'processor'> {
  /**
   * What processes the messages: a function, which runs on this thread; or the path, or the `URL`, of a module with a
   * function as its default export, which runs in threads of its own. Default: adds a random property.
   */
  readonly processor?: Processor<Input> | string | URL | undefined;
  /** Any pino logger, or one like it. Without it nothing is logged. */
  readonly logger?: Logger;
}

/** ms to wait at start-up until some bridge of the group is in place, or the first messages could be taken. */
const BRIDGE_TIMEOUT = 15_000;

/**
 * A bridge and N consumers in this process, which work together with those of other processes on the same Redis.
 * A group does not touch its process: no signal handlers, no output, no exit.
 *
 * @example
 * const group = new ConsumerGroup({ size: 5, processor: async (message) => ({ ...message, seen: true }) });
 * await group.start();
 * // ...
 * await group.stop();
 */
export class ConsumerGroup<Input extends Message = Message>
  extends EventEmitter<GroupEvents>
  implements AsyncDisposable
{
  readonly settings: Settings;
  readonly #processor: Processor | undefined;
  readonly #log: Logger;
  readonly #reports: Reports;
  readonly #connections: Connections;
  readonly #identity: Identity;
  #executor: Executor | undefined;
  /** The remote workers, if they are the processor. */
  #hub: WorkerHub | undefined;
  /** The system of record, if it is not in Redis. */
  #recorder: Recorder | undefined;
  #redis: LocalServer | undefined;
  #http: HttpServer | undefined;
  /** Kept only if http shows them. */
  readonly #stats: ProcessStats | undefined;
  #ready = false;
  #parts: Parts | undefined;
  #starting: Promise<void> | undefined;
  #started: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** Ends the waits of a start under way. */
  readonly #quit = new AbortController();

  /** @throws {SettingsError} naming each wrong setting */
  constructor(options: GroupOptions<Input> = {}) {
    super();
    const { processor, logger, ...settings } = options;
    // What the messages look like is the user's word; beyond the `message_id` it is not checked.
    this.#processor = typeof processor === 'function' ? (processor as Processor) : undefined;
    this.settings = parseOptions(typeof processor === 'function' ? settings : { ...settings, processor });
    this.#identity = new Identity(this.settings.host);
    this.#stats = this.settings.http && new ProcessStats();
    this.#log = groupLogger(logger ?? silentLogger, this.settings);
    this.#reports = new Reports(this.#log, this.#stats, (event, ...args) =>
      (this as EventEmitter).emit(event, ...args),
    );
    this.#connections = new Connections(() => ({ ...this.settings, redis: this.redisUrl }), this.#log, {
      onMade: (role, connection) => this.#stats?.watch(role, connection),
    });
  }

  /** The URL of the Redis in use; that of the private one, once started, if `embedded` is set. */
  get redisUrl(): string {
    return this.#redis?.url ?? this.settings.redis;
  }

  /**
   * Starts the bridge and the consumers. From its return on, all published messages are processed. If the group is
   * stopped meanwhile, it returns without an error.
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
    // stop() does not wait for this promise: each would wait for the other.
    this.#started ??= this.#starting.catch(async (error) => {
      const stopped = this.#stopping !== undefined;
      await this.stop();
      if (!stopped) throw error;
    });
    return this.#started;
  }

  /**
   * Stops: relays the received messages, finishes the attempts in work, hands back the rest, takes its ids from the
   * list. Takes at most `shutdownTimeout`, then up to 1 s for threads that a processor keeps busy, and up to 4 s
   * for a private Redis. A processor that keeps this thread busy delays all of it. May be called at any time, and twice.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    this.#quit.abort();
    return this.#stopping;
  }

  /**
   * Sets how many consumers run: in the whole group if this process is managed, else in this process alone. Those that are
   * too many, the newest, finish the attempts in work, and leave then: no message is interrupted. The newest call counts.
   * Resolves when Redis knows the size of the group, or when this process has added those that were missing.
   *
   * @param size from 0 to 10,000
   * @throws {CgroupError} SETTINGS for another size; STATE if the group is not running, or runs only a bridge; or why
   *   some cannot be added yet: it is tried again with each heartbeat
   */
  async scale(size: number): Promise<void> {
    checkSize(size);
    if (this.settings.managed) {
      await this.#change({ size }, 'scale()');
      return;
    }
    const { consumers } = this.#running;
    if (this.#hub)
      throw new CgroupError(
        'STATE',
        'this group runs one consumer for each remote worker: connect more workers',
      );
    if (this.settings.bridge === 'only')
      throw new CgroupError('STATE', 'this group runs a bridge without consumers (bridge: only)');
    await consumers.resize(size);
  }

  /**
   * Pauses the whole group, all processes: no attempt begins until {@link resume}, also after a restart. Attempts in work
   * go on, and so do the bridges. It takes effect in each process with its next heartbeat.
   *
   * @throws {CgroupError} STATE if the group is not running; or what Redis answers
   */
  pause(): Promise<void> {
    return this.#change({ paused: true }, 'pause()');
  }

  /** Ends a pause of the whole group. Throws as {@link pause} does. */
  resume(): Promise<void> {
    return this.#change({ paused: false }, 'resume()');
  }

  async #change(change: ControlChange, why: string): Promise<void> {
    const { control, heartbeats } = this.#running;
    await control.change(change, { who: this.#identity.id, why });
    heartbeats.hurry();
  }

  /** As {@link stop}: `await using group = new ConsumerGroup(…)` stops the group at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * The state of the whole group, all processes together.
   *
   * @throws {CgroupError} STATE if it is not running
   */
  async status(): Promise<GroupStatus> {
    return readStatus(this.#running.inspector, this.settings, sourceOf(this.settings));
  }

  get #running(): Parts {
    if (this.#parts) return this.#parts;
    const why = this.#stopping
      ? 'the group was stopped: make a new one'
      : 'the group is not running: start it first';
    throw new CgroupError('STATE', why);
  }

  async #start(): Promise<void> {
    const { settings } = this;
    const source = sourceOf(settings);
    const hint = source.kind === 'channel' ? patternHint(source.name) : undefined;
    if (hint) this.#log.warn({ channel: source.name }, hint);
    const hub = await this.#makeHub();
    // A bridge alone needs no workers.
    if (settings.bridge !== 'only') this.#hub = hub;
    await this.#serve();
    const executor = hub ?? (await chooseExecutor(settings, this.#processor, this.#log, this.#identity.id));
    this.#executor = executor;
    const size = settings.bridge === 'only' || hub ? 0 : settings.managed ? undefined : settings.size;
    // A managed process does not know its share yet. It loads the processor all the same: it may be missing.
    await executor.start(size ?? 1);
    if (settings.embedded && !this.#stopping) {
      this.#redis = await startLocalServer();
      if (this.#stopping) await this.#redis.stop(); // the stop may have finished already
      const { url } = this.#redis;
      const text = `started a private Redis for this run; elsewhere: export REDIS_URL=${url}`;
      this.#log.info({ redis: url }, text);
    }
    // Before anything is written in Redis: it may refuse.
    this.#recorder = await openRecorder(settings, this.#log, this.#stats);
    await this.#recorder?.start();
    this.#parts = await compose({
      settings,
      identity: this.#identity,
      size,
      connections: this.#connections,
      executor,
      hub: this.#hub,
      recorder: this.#recorder,
      reports: this.#reports,
      stats: this.#stats,
      log: this.#log,
    });
    // The first reading: from now on http answers with numbers.
    await this.#http?.read();
    await this.#startParts(this.#parts);
  }

  /** What relays comes first: an id in the list promises that new messages are relayed. */
  async #startParts(parts: Parts): Promise<void> {
    const { bridge, puller, consumers, lanes, orderKeeper, heartbeats, autoscaling } = parts;
    const source = sourceOf(this.settings);
    if (bridge) await this.#startWithin(bridge, 'no bridge of the group is in place');
    if (puller) await this.#startWithin(puller, `nothing could be taken from the ${sourceText(source)}`);
    if (this.#stopping) return;
    await parts.confirm();
    // The first reply has the share of a managed process, and lets the consumers begin unless the group is paused.
    await Promise.all([heartbeats, ...lanes.map(({ renewal }) => renewal)].map((part) => part.start()));
    await consumers.resize(consumers.size);
    for (const part of [...lanes.flatMap(servicesOf), orderKeeper, autoscaling]) await part?.start();
    if (this.settings.managed) await heartbeats.list(); // its share came with the first reply
    const ids = consumers.running.map(({ id }) => id);
    const workers = this.#hub ? 'remote workers can connect' : plural(ids.length, 'consumer');
    this.#hub?.open(parts.join);
    this.#log.info({ consumers: ids }, `ready: ${workers}, ${sourceText(source)}`);
    this.#ready = true;
    this.#reports.ready();
  }

  /** @throws {CgroupError} REDIS_REFUSED after 15 s, or what `start` throws */
  async #startWithin(part: Service, why: string): Promise<void> {
    const started = new AbortController();
    const starting = part.start().finally(() => started.abort());
    await Promise.race([
      starting,
      pause(BRIDGE_TIMEOUT, AbortSignal.any([started.signal, this.#quit.signal])),
    ]);
    if (started.signal.aborted) return starting;
    if (this.#stopping) return;
    throw new CgroupError('REDIS_REFUSED', `${why} after ${BRIDGE_TIMEOUT / 1000} s`);
  }

  /** Undefined if the processor is no remote workers. */
  async #makeHub(): Promise<WorkerHub | undefined> {
    const { processor, bridge, group, heartbeat, claimAfter, timeout, http } = this.settings;
    if (processor === undefined || kindOfProcessor(processor) !== 'remote') return undefined;
    if (!http && bridge !== 'only') {
      const message =
        'processor remote needs http, where the workers connect: --http 9464, or --http 0.0.0.0:9464 with a secret in CGROUP_HTTP_TOKEN';
      throw new SettingsError([{ setting: 'http', message }]);
    }
    const { WorkerHub } = await import('../processor/remote/hub.js');
    return new WorkerHub({
      group,
      channel: sourceOf(this.settings).name,
      heartbeat,
      lease: claimAfter,
      timeout,
      processId: this.#identity.id,
      nextConsumerId: (worker) => this.#identity.nextConsumerId(worker),
      log: this.#log,
    });
  }

  /** Comes first, so that probes see `starting`. The module is loaded only if `http` is set. */
  async #serve(): Promise<void> {
    const { http, httpToken: token } = this.settings;
    if (!http || !this.#stats || this.#stopping) return;
    const { HttpServer } = await import('../http/server.js');
    this.#http = new HttpServer({
      listen: http,
      token,
      view: viewOf(
        this.settings,
        this.#stats,
        () => (this.#stopping ? 'stopping' : this.#ready ? 'running' : 'starting'),
        () => this.#parts,
        this.#hub,
        () => this.#recorder,
        this.#identity,
      ),
      hub: this.#hub,
      log: this.#log,
    });
    await this.#http.start();
  }

  async #stop(): Promise<void> {
    const deadlines = new Deadlines(this.settings.shutdownTimeout);
    // A start under way fails soon without threads and connections. Parts that exist are stopped in order instead.
    if (!this.#parts) {
      this.#connections.close();
      await this.#executor?.stop();
    }
    // Bounded: a processor's module may hang on import.
    await Promise.race([this.#starting?.catch(() => {}), aborted(deadlines.over)]);
    if (this.#parts) await stopParts(this.#parts, deadlines, this.#log);
    await this.#recorder?.stop();
    await this.#executor?.stop();
    this.#connections.close();
    this.#reports.end();
    await this.#http?.stop();
    await this.#redis?.stop();
    this.#parts = undefined;
  }
}
