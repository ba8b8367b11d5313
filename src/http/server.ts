import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { CgroupError, messageOf } from '../core/errors.js';
import type { Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { formatListen, isLoopback, type Listen } from '../settings/addresses.js';
import { pageAssets } from './assets.js';
import { DeadLetterPages } from './dead-letters.js';
import { EventStreams, eventText } from './event-streams.js';
import { guard } from './guard.js';
import { Health } from './health.js';
import { metricsRegistry } from './metrics.js';
import { Readings } from './readings.js';
import { addRoutes } from './routes.js';
import type { GroupView } from './view.js';

export interface HttpServerOptions {
  readonly listen: Listen;
  /** What clients must know; undefined where any may ask. */
  readonly token: string | undefined;
  readonly view: GroupView;
  readonly log: Logger;
}

/** Connections at a time, and how many of them may be event streams. */
const MOST_CONNECTIONS = 512;
const MOST_STREAMS = 256;
/** ms that a client may take to send its headers, and the whole request. */
const HEADERS_WITHIN = 5_000;
const REQUEST_WITHIN = 10_000;
/** ms without a byte in either direction after which a connection is ended. */
const SILENT_FOR = 30_000;

/** Serves what is to be seen of the group: metrics, health, status, the live page. It changes nothing. */
export class HttpServer implements Service {
  readonly #options: HttpServerOptions;
  readonly #streams = new EventStreams(MOST_STREAMS);
  readonly #readings: Readings;
  readonly #health: Health;
  #app: FastifyInstance | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { view, log } = options;
    this.#health = new Health(view);
    this.#readings = new Readings({
      view,
      log,
      isWatched: () => this.#streams.size > 0,
      onRead: ({ status, point }) => {
        if (this.#readings.totals) this.#health.observe(this.#readings.totals);
        if (status && this.#streams.size > 0)
          this.#streams.send(
            eventText('status', JSON.stringify(status)) +
              (point ? eventText('point', JSON.stringify(point)) : ''),
          );
      },
      onFailed: (error) => {
        const told = error instanceof CgroupError ? error.code : 'INTERNAL';
        this.#streams.send(eventText('trouble', JSON.stringify({ code: told })));
      },
    });
  }

  /**
   * Listens, and tells whoever asks that the group is not connected yet.
   *
   * @throws {CgroupError} LISTEN where the address is in use, or none of this machine
   */
  start(): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Reads the group from now on, which is connected; returns when that was tried once. */
  read(): Promise<void> {
    return this.#readings.start();
  }

  /** Closes all connections, event streams too, at once. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** The port in use; 0 before it listens. */
  get port(): number {
    const address = this.#app?.server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  async #start(): Promise<void> {
    const { listen, token, view, log } = this.#options;
    const app = makeApp(log);
    this.#app = app;
    await guard(app, { listen, token });
    addRoutes(app, {
      token,
      readings: this.#readings,
      letters: new DeadLetterPages(view, this.#readings),
      health: this.#health,
      registry: metricsRegistry({
        view,
        totals: () => this.#readings.totals,
      }),
      streams: this.#streams,
      assets: pageAssets(),
    });
    try {
      await app.listen({ host: listen.host, port: listen.port });
    } catch (error) {
      const text = `cannot serve http at ${formatListen(listen)}: ${messageOf(error)}`;
      throw new CgroupError('LISTEN', `${text}${adviceOn(error)}`, { cause: error });
    }
    app.server.maxConnections = MOST_CONNECTIONS;
    const url = `http://${formatListen({ host: listen.host, port: this.port })}/`;
    const who = isLoopback(listen.host) ? '' : ', for those who know the token';
    log.info({ http: url }, `the live page, metrics and health are at ${url}${who}`);
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {});
    this.#streams.close();
    await Promise.all([this.#readings.stop(), this.#app?.close()]);
  }
}

function makeApp(log: Logger): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: 1,
    requestTimeout: REQUEST_WITHIN,
    connectionTimeout: SILENT_FOR,
    forceCloseConnections: true,
    http: { headersTimeout: HEADERS_WITHIN, connectionsCheckingInterval: 1_000, maxHeaderSize: 8_192 },
    // Paths that cannot be read as such.
    frameworkErrors: (_, __, reply: FastifyReply) => {
      void reply.code(400).send({ error: 'this is no path' });
    },
  });
  app.setErrorHandler((error, _, reply) => {
    const { validation, statusCode } = error as { validation?: unknown; statusCode?: number };
    if (validation || (statusCode !== undefined && statusCode < 500))
      return reply.code(400).send({ error: 'this cannot be asked so' });
    const known = error instanceof CgroupError;
    log[known ? 'debug' : 'error']({ error }, `a request failed: ${messageOf(error)}`);
    const code = known ? error.code : 'INTERNAL';
    return reply.code(known ? 503 : 500).send({ error: 'the group cannot be read at the moment', code });
  });
  return app;
}

/** What to do where an address cannot be listened at. */
function adviceOn(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return '; give http another port, or 0 for any that is free';
  return code === 'EACCES' ? '; give http a port from 1024 on' : '';
}
