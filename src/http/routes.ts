import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { letterPlaceIn } from '../core/letter-id.js';
import { pageAssets } from './assets.js';
import type { DeadLetterPages } from './dead-letters.js';
import { type EventStreams, eventText } from './event-streams.js';
import { isTrusted } from './guard.js';
import type { Readiness } from './readiness.js';
import type { Readings } from './readings.js';

interface RoutesOptions {
  readonly token: string | undefined;
  readonly readings: Readings;
  readonly deadLetters: DeadLetterPages;
  readonly readiness: Readiness;
  readonly registry: Registry;
  readonly streams: EventStreams;
  /** Whether the processor of this process is remote workers. */
  readonly hasWorkers: boolean;
}

/** Where remote workers connect, with a WebSocket. */
export const WORKERS_PATH = '/workers';

/** Adds all paths that are served. `guard.ts` has checked each request before. */
export function addRoutes(app: FastifyInstance, options: RoutesOptions): void {
  const { token, readings, deadLetters, readiness, registry, streams, hasWorkers } = options;

  app.get('/healthz', async () => ({ up: true }));

  app.get('/readyz', async (request, reply) => {
    const reasons = readiness.reasons(readings.age);
    const ready = reasons.length === 0;
    return reply.code(ready ? 200 : 503).send(isTrusted(request, token) ? { ready, reasons } : { ready });
  });

  app.get('/metrics', async (_, reply) => {
    const text = await registry.metrics();
    return reply.type(registry.contentType).send(text);
  });

  app.get('/api/status', () => readings.status());

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
    raw.write(`retry: 2000\n\n${eventText('history', JSON.stringify(readings.history.points))}`);
    streams.add(raw);
    // The client gets the present status now; the next event may be a second away.
    readings.status().then(
      (status) => streams.sendTo(raw, eventText('status', JSON.stringify(status))),
      () => {}, // the next reading reports the error
    );
  });

  app.get<{ Querystring: { before?: string } }>(
    '/api/dead',
    {
      schema: {
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: { before: { type: 'string' } },
        },
      },
    },
    async ({ query: { before } }, reply) => {
      if (before !== undefined && !letterPlaceIn(before))
        return reply.code(400).send({ error: 'before must be the id of a dead letter' });
      const text = await deadLetters.page(before);
      return reply.type('application/json; charset=utf-8').send(text);
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
