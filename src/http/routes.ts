import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { isEntryId } from '../core/stream-id.js';
import type { Asset } from './assets.js';
import type { DeadLetterPages } from './dead-letters.js';
import { type EventStreams, eventText } from './event-streams.js';
import { mayKnow } from './guard.js';
import type { Health } from './health.js';
import type { Readings } from './readings.js';

export interface RoutesOptions {
  readonly token: string | undefined;
  readonly readings: Readings;
  readonly letters: DeadLetterPages;
  readonly health: Health;
  readonly registry: Registry;
  readonly streams: EventStreams;
  readonly assets: ReadonlyMap<string, Asset>;
}

/** All that is served; who may ask is decided before (see `guard.ts`). */
export function addRoutes(app: FastifyInstance, options: RoutesOptions): void {
  const { token, readings, letters, health, registry, streams, assets } = options;

  app.get('/healthz', async () => ({ up: true }));

  app.get('/readyz', async (request, reply) => {
    const reasons = health.reasons(readings.age);
    const ready = reasons.length === 0;
    return reply.code(ready ? 200 : 503).send(mayKnow(request, token) ? { ready, reasons } : { ready });
  });

  app.get('/metrics', async (_, reply) => {
    const text = await registry.metrics();
    return reply.type(registry.contentType).send(text);
  });

  app.get('/api/status', () => readings.status());

  app.get('/api/events', (request, reply) => {
    // Behind another answer on the same connection it has no socket yet, and would never be told that the client is gone.
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
    // Not before the next second: the first one tells what there is to see now.
    readings.status().then(
      (status) => streams.sendTo(raw, eventText('status', JSON.stringify(status))),
      () => {}, // the next reading tells why
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
      if (before !== undefined && !isEntryId(before))
        return reply.code(400).send({ error: 'before is the id of a dead letter' });
      const text = await letters.page(before);
      return reply.type('application/json; charset=utf-8').send(text);
    },
  );

  for (const [path, { type, body }] of assets) app.get(path, async (_, reply) => reply.type(type).send(body));
}
