import { type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { CgroupError, messageOf } from '../core/errors.js';
import { hostAndPort } from '../core/redis-address.js';
import type { Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import type { WorkerHub } from '../processor/remote/hub.js';
import { isLoopback, type Listen } from '../settings/addresses.js';
import { ConnectionLimits } from './connection-limits.js';
import { DeadLetterPages } from './dead-letters.js';
import { EventStreams, eventText } from './event-streams.js';
import { checksOf, guard } from './guard.js';
import { metricsRegistry } from './metrics.js';
import { Readiness } from './readiness.js';
import { Readings } from './readings.js';
import { addRoutes, WORKERS_PATH } from './routes.js';
import type { GroupView } from './view.js';

interface HttpServerOptions {
  readonly listen: Listen;
  /** Required of clients; undefined if none is set. */
  readonly token: string | undefined;
  readonly view: GroupView;
  /** Gets the remote workers that connect; undefined if the process has none. */
  readonly hub: WorkerHub | undefined;
  readonly log: Logger;
}

/** Most event streams at a time: half of the connections. */
const MOST_STREAMS = 256;

/** Serves metrics, health, status and the live page of a group. Changes nothing. */
export class HttpServer implements Service {
  readonly #options: HttpServerOptions;
  readonly #streams = new EventStreams(MOST_STREAMS);
  readonly #readings: Readings;
  readonly #readiness: Readiness;
  #app: FastifyInstance | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    const { view, log } = options;
    this.#readiness = new Readiness(view);
    this.#readings = new Readings({
      view,
      log,
      isWatched: () => this.#streams.size > 0,
      onRead: (status, point) => {
        if (this.#readings.totals) this.#readiness.observe(this.#readings.totals);
        if (status && this.#streams.size > 0)
          this.#streams.send(
            eventText('status', JSON.stringify(status)) +
              (point ? eventText('point', JSON.stringify(point)) : ''),
          );
      },
      onFailed: (error) => {
        const code = error instanceof CgroupError ? error.code : 'INTERNAL';
        this.#streams.send(eventText('trouble', JSON.stringify({ code })));
      },
    });
  }

  /**
   * Listens. Until {@link read} is called, requests for the group's state get an error.
   *
   * @throws {CgroupError} LISTEN if the address is in use, or not one of this machine
   */
  start(): Promise<void> {
    if (this.#stopping) return Promise.resolve();
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /** Reads the group from now on. The group must be connected. Returns after the first try, even a failed one. */
  read(): Promise<void> {
    return this.#readings.start();
  }

  /** Closes all connections at once, event streams too. */
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
    const { listen, token, view, hub, log } = this.#options;
    const limits = new ConnectionLimits();
    const app = makeApp(limits, log);
    this.#app = app;
    const checks = checksOf(listen, token);
    await guard(app, checks);
    if (hub) {
      const { acceptWorkers } = await import('./worker-sockets.js');
      acceptWorkers(app.server, { hub, checks, limits });
    }
    addRoutes(app, {
      token,
      readings: this.#readings,
      deadLetters: new DeadLetterPages(view, this.#readings),
      readiness: this.#readiness,
      registry: metricsRegistry({ view, totals: () => this.#readings.totals }),
      streams: this.#streams,
      hasWorkers: hub !== undefined,
    });
    try {
      await app.listen({ host: listen.host, port: listen.port });
    } catch (error) {
      const text = `cannot serve http at ${hostAndPort(listen)}: ${messageOf(error)}`;
      throw new CgroupError('LISTEN', `${text}${adviceOn(error)}`, { cause: error });
    }
    const url = `http://${hostAndPort({ host: listen.host, port: this.port })}/`;
    const access = isLoopback(listen.host) ? '' : ', with the token';
    log.info({ http: url }, `the live page, metrics and health are at ${url}${access}`);
    if (hub) {
      const workers = `ws://${hostAndPort({ host: listen.host, port: this.port })}${WORKERS_PATH}`;
      log.info({ workers }, `remote workers connect to ${workers}${access}`);
    }
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {});
    this.#streams.close();
    await Promise.all([this.#readings.stop(), this.#app?.close()]);
  }
}

function makeApp(limits: ConnectionLimits, log: Logger): FastifyInstance {
  const app = fastify({
    serverFactory: (handler) => limits.makeServer(handler),
    logger: false,
    bodyLimit: 1,
    forceCloseConnections: true,
    // For paths that cannot be decoded.
    frameworkErrors: (_, __, reply: FastifyReply) => {
      void reply.code(400).send({ error: 'malformed path' });
    },
  });
  app.setErrorHandler((error, _, reply) => {
    const { validation, statusCode } = error as { validation?: unknown; statusCode?: number };
    if (validation || (statusCode !== undefined && statusCode < 500))
      return reply.code(400).send({ error: 'unsupported request' });
    const known = error instanceof CgroupError;
    log[known ? 'debug' : 'error']({ error }, `a request failed: ${messageOf(error)}`);
    const code = known ? error.code : 'INTERNAL';
    return reply.code(known ? 503 : 500).send({ error: 'the group cannot be read at the moment', code });
  });
  return app;
}

/** What to do if the address cannot be used. */
function adviceOn(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return '; give http another port, or 0 for any free one';
  return code === 'EACCES' ? '; give http a port from 1024 on' : '';
}
