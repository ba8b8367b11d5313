import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { CgroupError, messageOf } from '../core/errors.js';
import type { Executor } from '../core/executor.js';
import { kindOfProcessor } from '../core/processor-kind.js';
import { aborted } from '../core/service.js';
import { type Logger, processName, silentLogger } from '../log/logger.js';
import { chooseExecutor, threadCount } from '../processor/choose.js';
import type { Processor } from '../processor/processor.js';
import { type GroupConnection, Link } from './link.js';
import { parseWorkerOptions, type RemoteWorkerOptions, type RemoteWorkerSettings } from './options.js';
import { SpreadExecutor } from './spread.js';

/** The part of the time of a stop in which attempts may finish. The rest is for the connections and the threads. */
const TO_FINISH = 0.7;

/** The events of a {@link RemoteWorker}. */
export interface RemoteWorkerEvents {
  /** A process of the group has taken this worker in. */
  connected: [connection: GroupConnection];
  /** A connection has ended; it is made again unless the worker stops. */
  disconnected: [end: { readonly url: string; readonly why: string }];
}

/**
 * A remote worker: connects to the processes of a group that run with `processor: 'remote'`, and processes messages for
 * them. It needs no access to Redis. Like a group it does not touch its process.
 *
 * @example
 * const worker = new RemoteWorker({ connect: 'ws://10.0.0.7:9464/workers', processor: './handler.mjs', concurrency: 20 });
 * await worker.start();
 * // ...
 * await worker.stop();
 */
export class RemoteWorker extends EventEmitter<RemoteWorkerEvents> implements AsyncDisposable {
  readonly #settings: RemoteWorkerSettings;
  readonly #processor: Processor | undefined;
  readonly #log: Logger;
  #executor: Executor | undefined;
  #links: readonly Link[] = [];
  /** A group has taken it in. */
  #ready = false;
  #starting: Promise<void> | undefined;
  #started: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  /** @throws {SettingsError} naming each wrong option */
  constructor(options: RemoteWorkerOptions) {
    super();
    this.#settings = parseWorkerOptions(options);
    const { processor, logger = silentLogger } = options;
    this.#processor = typeof processor === 'function' ? processor : undefined;
    this.#log = logger.child({ worker: this.#settings.name, process: processName() });
  }

  /**
   * Loads the processor, and begins to connect. It does not wait for a connection: the worker tries again until it is
   * stopped. If the worker is stopped meanwhile, it returns without an error.
   *
   * @throws {CgroupError} PROCESSOR; or STATE if the worker was stopped before
   */
  start(): Promise<void> {
    if (this.#stopping)
      return Promise.reject(
        new CgroupError('STATE', 'a stopped worker cannot be started again: make a new one'),
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
   * Takes no further messages, finishes those in work, and disconnects: what is not finished within `shutdownTimeout` goes
   * back to the group, without an attempt counted. May be called at any time, and twice.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** As {@link stop}: `await using worker = new RemoteWorker(…)` stops the worker at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #start(): Promise<void> {
    const { urls, token, name, concurrency } = this.#settings;
    const executor = await makeExecutor(this.#settings, this.#processor, this.#log);
    this.#executor = executor;
    if (this.#stopping) return;
    await executor.start(urls.length);
    if (this.#stopping) return;
    this.#links = urls.map(
      (url) =>
        new Link({
          url,
          token,
          name,
          concurrency,
          executor,
          log: this.#log.child({ url }),
          onConnected: (connection) => this.#onConnected(connection),
          onDisconnected: (why) => this.#report('disconnected', { url, why }),
        }),
    );
    for (const link of this.#links) link.start();
    this.#log.info({ connect: urls }, `worker ${name} connects to ${urls.join(', ')}`);
  }

  #onConnected(connection: GroupConnection): void {
    if (!this.#ready) this.#log.info({}, `ready: works for the group ${connection.group}`);
    this.#ready = true;
    this.#report('connected', connection);
  }

  async #stop(): Promise<void> {
    const { shutdownTimeout } = this.#settings;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), shutdownTimeout * TO_FINISH);
    // A start under way fails soon without its threads. Bounded: a module may hang on import.
    if (this.#links.length === 0) await this.#executor?.stop();
    await Promise.race([this.#starting?.catch(() => {}), aborted(deadline.signal)]);
    await Promise.all(this.#links.map((link) => link.stop(deadline.signal)));
    clearTimeout(timer);
    await this.#executor?.stop();
  }

  /** An error that a listener throws is logged, and hurts nothing else. */
  #report<Name extends keyof RemoteWorkerEvents>(name: Name, ...args: RemoteWorkerEvents[Name]): void {
    try {
      (this as EventEmitter).emit(name, ...args);
    } catch (error) {
      this.#log.error({ error }, `a listener of ${name} throws: ${messageOf(error)}`);
    }
  }
}

/** The executor of all connections. Each connection is a consumer, and each consumer may use all threads. */
async function makeExecutor(
  settings: RemoteWorkerSettings,
  own: Processor | undefined,
  log: Logger,
): Promise<Executor> {
  const { processor, threads, concurrency, urls } = settings;
  const inThreads =
    !own && processor !== undefined && kindOfProcessor(processor) === 'module' && threads !== 0;
  const processId = `${settings.name}-${process.pid}-${randomBytes(3).toString('hex')}`;
  if (!inThreads) return chooseExecutor(settings, own, log, processId);
  const count = Math.min(threadCount(threads), concurrency * urls.length);
  const one = { ...settings, threads: 1 };
  return new SpreadExecutor(
    await Promise.all(Array.from({ length: count }, () => chooseExecutor(one, own, log, processId))),
  );
}
