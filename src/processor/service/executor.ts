import { performance } from 'node:perf_hooks';
import { Pool } from 'undici';
import { CgroupError } from '../../core/errors.js';
import type { ConsumerExecutor, Executor } from '../../core/executor.js';
import { inSeconds, REMIND_EVERY, ThrottledLog } from '../../log/throttle.js';
import type { ExecutorOptions } from '../inline.js';
import { parseServiceUrl, type ServiceAddress } from './address.js';
import type { BytesRead } from './body.js';
import type { ServiceCall } from './call.js';
import { Circuit, type Sign } from './circuit.js';
import { ConsumerCalls } from './consumer-calls.js';

/** ms that a connection may take to be made. */
const CONNECT_TIMEOUT = 5_000;
/**
 * ms that a connection is kept without a request, if the service does not say how long it keeps it (`Keep-Alive`): less
 * than the usual servers do. A request that meets the end of its connection is a failed attempt.
 */
const KEEP_ALIVE = 1_000;

export interface ServiceOptions extends ExecutorOptions {
  /** Of the service. */
  readonly url: string;
  /** Where the messages come from: a header for the service. */
  readonly channel: string;
}

/**
 * Has each message processed by a web service, with as many connections as attempts run. While the service is away, the
 * consumers hand back their messages, and one after the other probes whether it is back.
 */
export class ServiceExecutor implements Executor {
  readonly #options: ServiceOptions;
  readonly #address: ServiceAddress;
  /** Those that all requests have. */
  readonly #headers: readonly string[];
  readonly #pool: Pool;
  readonly #circuit = new Circuit();
  readonly #consumers = new Map<string, ConsumerCalls>();
  readonly #bytesRead: BytesRead = { bytes: 0 };
  readonly #failures: ThrottledLog<string>;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { url, channel, timeout, log } = options;
    this.#address = parseServiceUrl(url);
    const { origin, authorization, shown } = this.#address;
    this.#headers = [
      ...['content-type', 'application/json'],
      ...['ce-specversion', '1.0'],
      ...['ce-type', 'cgroup.message'],
      ...['ce-source', headerText(channel)],
      ...['cgroup-deadline-ms', String(timeout)],
      ...(authorization === undefined ? [] : ['authorization', authorization]),
    ];
    // The time of an attempt is limited as a whole.
    this.#pool = new Pool(origin, {
      connect: { timeout: Math.min(CONNECT_TIMEOUT, timeout) },
      keepAliveTimeout: KEEP_ALIVE,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.#failures = new ThrottledLog<string>({
      interval: REMIND_EVERY,
      write: (_count, failure) => log.warn({}, `the service ${shown} ${failure}`),
      between: (failure) => log.debug({}, `the service ${shown} ${failure}`),
      over: (forMs) => log.info({}, `the service ${shown} is back after ${inSeconds(forMs)}`),
    });
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async add(consumerId: string): Promise<ConsumerExecutor> {
    if (this.#pool.destroyed) throw new CgroupError('STATE', 'the executor has stopped');
    const { concurrency, timeout } = this.#options;
    const calls = new ConsumerCalls({
      consumerId,
      concurrency,
      timeout,
      circuit: this.#circuit,
      bytesRead: this.#bytesRead,
      send: (call) => this.#send(call),
      onConnected: ({ era }) => {
        if (era !== undefined && this.#circuit.connected(era)) this.#follow();
      },
      onSign: (era, sign, error) => this.#onSign(era, sign, error),
      onTurn: () => this.#follow(),
    });
    this.#consumers.set(consumerId, calls);
    this.#follow();
    return calls;
  }

  remove(consumerId: string): void {
    this.#consumers.get(consumerId)?.quiet();
    this.#consumers.delete(consumerId);
  }

  async stop(): Promise<void> {
    for (const calls of this.#consumers.values()) calls.end();
    clearTimeout(this.#timer);
    await this.#pool.destroy();
  }

  #send(call: ServiceCall): void {
    const { delivery, text } = call.order;
    const { inboxId, attempt, traceparent } = delivery;
    const headers = [...this.#headers, 'ce-id', inboxId, 'cgroup-attempt', String(attempt)];
    if (traceparent !== undefined) headers.push('traceparent', traceparent);
    this.#pool.dispatch({ method: 'POST', path: this.#address.path, headers, body: text }, call);
  }

  /** The attempt ends afterwards: when it is handed back, its consumer must be closed. */
  #onSign(era: number, sign: Sign, error: string): void {
    if (!this.#circuit.ended(era, sign, performance.now())) return;
    const what = sign === 'unreachable' ? 'is away' : 'fails';
    if (this.#circuit.state === 'open')
      this.#failures.add(`${what}, and its messages are handed back, trying again: ${error}`);
    this.#follow();
  }

  /** Does what the circuit says now. */
  #follow(): void {
    if (this.#circuit.state === 'flowing') this.#failures.over();
    for (const calls of this.#consumers.values()) calls.follow();
    clearTimeout(this.#timer);
    const { dueAt } = this.#circuit;
    if (dueAt === undefined) return;
    this.#timer = setTimeout(() => {
      this.#circuit.advance(performance.now());
      this.#follow();
    }, dueAt - performance.now()).unref();
  }
}

/** Text in a header, as CloudEvents writes it: percent signs for what is not plain ASCII. */
function headerText(text: string): string {
  return text.replace(/[^\x21\x23\x24\x26-\x7e]+/g, encodeURIComponent);
}
