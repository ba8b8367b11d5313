import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { deadLetterPlaceIn } from '../core/dead-letter-id.js';
import { CgroupError } from '../core/errors.js';
import { ACTIONS } from './action-request.js';
import type { Actions } from './actions.js';
import { pageAssets } from './assets.js';
import type { DeadLetterPages, DeadLetterQuery } from './dead-letters.js';
import { type EventStreams, eventText } from './event-streams.js';
import { basicUserIn, isTrusted, LONGEST_BODY } from './guard.js';
import type { Readiness } from './readiness.js';
import type { Readings } from './readings.js';

interface RoutesOptions {
  readonly token: string | undefined;
  readonly readings: Readings;
  readonly deadLetters: DeadLetterPages;
  readonly readiness: Readiness;
  readonly registry: Registry;
  readonly streams: EventStreams;
  readonly actions: Actions;
  /** Whether the processor of this process is remote workers. */
  readonly hasWorkers: boolean;
}

/** What a client gets while Redis is away. */
export const UNREADABLE = 'the group cannot be read at the moment';
const JSON_TYPE = 'application/json; charset=utf-8';
const LONGEST_SEARCH = 200;
/** Where remote workers connect, with a WebSocket. */
export const WORKERS_PATH = '/workers';

/** Adds all paths that are served. `guard.ts` has checked each request before. */
export function addRoutes(app: FastifyInstance, options: RoutesOptions): void {
  const { token, readings, deadLetters, readiness, registry, streams, hasWorkers } = options;
  addActions(app, options.actions);

  app.get('/healthz', async () => ({ up: true }));

  app.get('/readyz', async (request, reply) => {
    const reasons = readiness.reasons(readings.age);
    const ready = reasons.length === 0;
    // The verdict is that of the group: a process may be ready in a group that is not well.
    const details = { ready, reasons, verdict: readings.verdict };
    return reply.code(ready ? 200 : 503).send(isTrusted(request, token) ? details : { ready });
  });

  app.get('/metrics', async (_, reply) => {
    const text = await registry.metrics();
    return reply.type(registry.contentType).send(text);
  });

  app.get('/api/status', async (_, reply) => {
    try {
      const text = await readings.served();
      return reply.type(JSON_TYPE).send(text);
    } catch (error) {
      if (!(error instanceof CgroupError)) throw error;
      const { code } = error;
      return reply.code(503).send({ error: UNREADABLE, code, verdict: readings.verdict });
    }
  });

  app.get<{ Querystring: { span?: string } }>('/api/history', async ({ query: { span = '15m' } }, reply) => {
    const { seconds, minutes } = readings.history;
    if (span === '15m') return { every: 1_000, points: seconds };
    if (span === '24h') return { every: 60_000, points: minutes };
    return reply.code(400).send({ error: 'span must be 15m or 24h' });
  });

  app.get('/api/events', (request, reply) => {
    // An answer that waits behind another on the same connection has no socket yet, and would miss that the client is gone.
    if (reply.raw.socket === null) {
      const error = 'an event stream needs a connection of its own: do not send requests before it';
      void reply.code(400).header('connection', 'close').send({ error });
      return;
    }
    if (streams.isFull) {
      void reply.code(503).header('connection', 'close').send({ error: 'too many event streams are open' });
      return;
    }
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'text/event-stream',
    });
    if (request.method === 'HEAD') {
      raw.end();
      return;
    }
    raw.write(`retry: 2000\n\n${eventText('history', JSON.stringify(readings.history.seconds))}`);
    streams.add(raw);
    // The client gets the present status now; the next event may be a second away.
    readings.served().then(
      (text) => streams.sendTo(raw, eventText('status', text)),
      () => {}, // the next reading reports the error
    );
  });

  const texts = (...names: string[]) => ({
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  });
  app.get<{ Querystring: DeadLetterQuery }>(
    '/api/dead',
    { schema: { querystring: texts('before', 'group', 'search') } },
    async ({ query }, reply) => {
      const { before, group, search } = query;
      if (before !== undefined && !deadLetterPlaceIn(before))
        return reply.code(400).send({ error: 'before must be the id of a dead letter' });
      if (search !== undefined && (search === '' || search.length > LONGEST_SEARCH))
        return reply.code(400).send({ error: `search must be a text of 1 to ${LONGEST_SEARCH} characters` });
      if (group !== undefined && !/^[\da-f]{16}$/.test(group))
        return reply.code(400).send({ error: 'group must be the key of a group' });
      return reply.type(JSON_TYPE).send(await deadLetters.page(query));
    },
  );

  app.get('/api/dead/groups', async (_, reply) => reply.type(JSON_TYPE).send(await deadLetters.groups()));

  app.get<{ Querystring: { id?: string } }>(
    '/api/dead/one',
    { schema: { querystring: texts('id') } },
    async ({ query: { id = '' } }, reply) => {
      if (!deadLetterPlaceIn(id))
        return reply.code(400).send({ error: 'id must be the id of a dead letter' });
      const text = await deadLetters.one(id);
      if (text === undefined)
        return reply.code(404).send({ error: 'there is no dead letter with this id any more' });
      return reply.type(JSON_TYPE).send(text);
    },
  );

  // A WebSocket does not come here.
  app.get(WORKERS_PATH, async (_, reply) =>
    hasWorkers
      ? reply
          .code(426)
          .header('upgrade', 'websocket')
          .send({ error: 'remote workers connect with a WebSocket' })
      : reply
          .code(404)
          .send({ error: 'this process has no remote workers: start it with --processor remote' }),
  );

  for (const [path, { type, body }] of pageAssets())
    app.get(path, async (_, reply) => reply.type(type).send(body));
}

/** The guard has checked the token, where the request comes from, and the type of the body. */
function addActions(app: FastifyInstance, actions: Actions): void {
  for (const action of ACTIONS)
    app.post(`/api/actions/${action}`, { bodyLimit: LONGEST_BODY }, async ({ body, ip, headers }, reply) => {
      if (actions.isFull)
        return reply.code(503).send({ error: 'other actions are under way: try again in a moment' });
      try {
        return await actions.run(action, body, { address: ip, user: basicUserIn(headers.authorization) });
      } catch (error) {
        if (!(error instanceof CgroupError)) throw error;
        const { code, message } = error;
        return reply.code(STATUS_OF[code] ?? 503).send({ error: message, code });
      }
    });
}

/** The status of an answer, by the code of an error; 503 for all others. */
const STATUS_OF: Readonly<Partial<Record<string, number>>> = {
  SETTINGS: 400,
  NOT_FOUND: 404,
  STALE: 409,
  STATE: 409,
};
