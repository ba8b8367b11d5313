import { hostname } from 'node:os';
import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Listen } from '../settings/addresses.js';
import { isOwnHost, knowsToken } from './access.js';

export interface GuardOptions {
  readonly listen: Listen;
  readonly token: string | undefined;
}

/** What may be asked without the token, as probes do: it tells them next to nothing. */
const OPEN: readonly (string | undefined)[] = ['/healthz', '/readyz'];

/** Puts in front of all routes what every request must pass, and behind them the headers that every answer has. */
export async function guard(app: FastifyInstance, { listen, token }: GuardOptions): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Whether there is TLS in front of this is not known here.
    strictTransportSecurity: false,
  });
  const own = [listen.host, hostname()];
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (isAmbiguous(request)) return refuse(reply, 400, 'this does not say which server it is meant for');
    // A page of somebody else does not know the token, whatever name leads it here.
    if (token === undefined && !isOwnHost(request.headers.host, own))
      return refuse(
        reply,
        421,
        'this server does not go by that name: use its address, localhost or its host name, or set httpToken',
      );
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(reply.header('allow', 'GET, HEAD'), 405, 'only GET and HEAD');
    if (hasBody(request)) return refuse(reply, 413, 'no body is wanted');
    if (!OPEN.includes(request.routeOptions.url) && !mayKnow(request, token))
      return refuse(
        reply.header('www-authenticate', 'Basic realm="cgroup", charset="UTF-8"'),
        401,
        'the token is missing or wrong: send it as bearer token, or as the password of any user',
      );
  });
  app.setNotFoundHandler((_, reply) => refuse(reply, 404, 'there is nothing here'));
}

/** Whether the details are for whoever asks: where there is no token, for all who get this far. */
export function mayKnow({ headers }: FastifyRequest, token: string | undefined): boolean {
  return token === undefined || knowsToken(headers.authorization, token);
}

/** A name of a server stands in the address itself, or there are several Hosts, of which Node takes the first. */
function isAmbiguous({ raw }: FastifyRequest): boolean {
  const hosts = raw.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  return hosts.length > 1 || !raw.url?.startsWith('/');
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

/** Whoever is refused has to connect anew: what it may still be sending is not read. */
function refuse(reply: FastifyReply, code: number, error: string): FastifyReply {
  return reply.code(code).header('connection', 'close').send({ error });
}
