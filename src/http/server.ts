import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { CgroupError, messageOf } from '../core/errors.js';
import { hostAndPort } from '../core/redis-address.js';
import type { Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import type { WorkerHub } from '../processor/remote/hub.js';
import { isLoopback, type Listen } from '../settings/addresses.js';
import { bodyRule } from './action-request.js';
import { Actions } from './actions.js';
import { ConnectionLimits } from './connection-limits.js';
import { DeadLetterPages } from './dead-letters.js';
import { EventStreams, eventText } from './event-streams.js';
import { actionIn, checksOf, guard, TOO_LARGE } from './guard.js';
import type { Added, Point } from './history.js';
import { metricsRegistry } from './metrics.js';
import { Readiness } from './readiness.js';
import { Readings } from './readings.js';
import { addRoutes, UNREADABLE, WORKERS_PATH } from './routes.js';
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

/** Serves metrics, health, status and the live page of a group. Changes it only by actions, if they are on. */
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
      onRead: (totals, served, added) => {
        this.#readiness.observe(totals);
        this.#send((served === undefined ? '' : eventText('status', served)) + textOf(added));
      },
      onMissing: (added) => this.#send(textOf(added) + this.#trouble()),
      onFailed: () => this.#send(this.#trouble()),
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

  #send(text: string): void {
    if (text !== '' && this.#streams.size > 0) this.#streams.send(text);
  }

  /** The event of a group that cannot be read. */
  #trouble(): string {
    const { failure: code = 'REDIS_UNREACHABLE', verdict } = this.#readings;
    return eventText('trouble', JSON.stringify({ code, verdict, time: new Date().toISOString() }));
  }

  async #start(): Promise<void> {
    const { listen, token, view, hub, log } = this.#options;
    const limits = new ConnectionLimits();
    const app = makeApp(limits, log);
    this.#app = app;
    const checks = checksOf(listen, token, view.actions);
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
      registry: metricsRegistry({
        view,
        totals: () => this.#readings.totals,
        verdict: () => this.#readings.verdict,
      }),
      streams: this.#streams,
      actions: new Actions(view, log),
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

/** The events of new points. */
function textOf({ point, minute }: Added): string {
  const text = (name: string, one: Point | undefined) => (one ? eventText(name, JSON.stringify(one)) : '');
  return text('point', point) + text('minute', minute);
}

/** What is wrong with the body of an action, by the code of the error. */
const NO_JSON: Readonly<Record<string, string | undefined>> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is no valid JSON',
};

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
  // JSON alone has a meaning here; its parser refuses __proto__.
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler((error, request, reply) => {
    const { validation, statusCode, code: cause } = error as FastifyError;
    if (statusCode === TOO_LARGE.code)
      return reply.code(TOO_LARGE.code).header('connection', 'close').send({ error: TOO_LARGE.error });
    const wrong = NO_JSON[cause];
    if (wrong !== undefined)
      return reply.code(400).send({ error: `${wrong}: it must be ${bodyRule(actionIn(request.raw.url))}` });
    if (validation || (statusCode !== undefined && statusCode < 500))
      return reply.code(400).send({ error: 'unsupported request' });
    const known = error instanceof CgroupError;
    log[known ? 'debug' : 'error']({ error }, `a request failed: ${messageOf(error)}`);
    const code = known ? error.code : 'INTERNAL';
    return reply.code(known ? 503 : 500).send({ error: UNREADABLE, code });
  });
  return app;
}

/** What to do if the address cannot be used. */
function adviceOn(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return '; give http another port, or 0 for any free one';
  return code === 'EACCES' ? '; give http a port from 1024 on' : '';
}
