import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Listen } from '../settings/addresses.js';

/** Served without the token, because probes have none. Without it, the answers hold no details. */
const OPEN: readonly (string | undefined)[] = ['/healthz', '/readyz'];

/** Adds the checks that every request passes before its route, and the headers of every answer. */
export async function guard(app: FastifyInstance, listen: Listen, token: string | undefined): Promise<void> {
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
    // This server does not know whether a proxy in front of it speaks TLS.
    strictTransportSecurity: false,
  });
  const own = [listen.host, hostname()];
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (isAmbiguous(request))
      return refuse(reply, 400, 'ambiguous request: send one Host header, and a path that begins with /');
    // A token protects from DNS rebinding too: a foreign page does not have it.
    if (token === undefined && !isOwnHost(request.headers.host, own))
      return refuse(
        reply,
        421,
        'unknown host name: use the address of this server, localhost or its host name, or set httpToken',
      );
    if (isFromAnotherSite(request))
      return refuse(reply, 403, 'requests of other sites are refused: open the page itself');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(reply.header('allow', 'GET, HEAD'), 405, 'only GET and HEAD are allowed');
    if (hasBody(request)) return refuse(reply, 413, 'a request must have no body');
    if (!OPEN.includes(request.routeOptions.url) && !isTrusted(request, token))
      return refuse(
        reply.header('www-authenticate', 'Basic realm="cgroup", charset="UTF-8"'),
        401,
        'the token is missing or wrong: send it as bearer token, or as the password of any user',
      );
  });
  app.setNotFoundHandler((_, reply) => refuse(reply, 404, 'not found'));
}

/** Whether a request may see details: it has the token, or no token is set. */
export function isTrusted({ headers }: FastifyRequest, token: string | undefined): boolean {
  return token === undefined || hasToken(headers.authorization, token);
}

/** `name`, `name:80`, `[::1]:80`; the port does not matter. */
const HOST = /^(?:\[([\da-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/i;

/**
 * Whether a request was meant for this server. With DNS rebinding, a foreign page makes its own name lead here; its requests
 * still carry that name. So only names that no other site can have are accepted: IP addresses, `localhost` and our own.
 *
 * @param header the Host header
 * @param own names of this server: that of the machine, and the one that it listens on
 */
export function isOwnHost(header: string | undefined, own: readonly string[]): boolean {
  const [, address, name] = HOST.exec(header ?? '') ?? [];
  if (address !== undefined) return isIP(address) === 6;
  if (name === undefined) return false;
  const lower = name.toLowerCase();
  return isIP(lower) === 4 || lower === 'localhost' || own.some((one) => one.toLowerCase() === lower);
}

/**
 * Whether a request carries the token: as `Authorization: Bearer TOKEN`, or as the password of any user (`Basic`), because
 * that is what a browser asks its user for. The time it takes does not depend on where a wrong token differs.
 */
export function hasToken(header: string | undefined, token: string): boolean {
  const given = tokenIn(header ?? '');
  return given !== undefined && timingSafeEqual(hash(given), hash(token));
}

function tokenIn(header: string): string | undefined {
  const [, scheme = '', rest = ''] = /^(\w+) +(\S+) *$/.exec(header) ?? [];
  if (scheme.toLowerCase() === 'bearer') return rest;
  if (scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(rest, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon < 0 ? undefined : pair.slice(colon + 1);
}

/** `timingSafeEqual` compares only equal lengths. */
function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Whether the request line names a server itself, or there are several Host headers; Node takes the first of them. */
function isAmbiguous({ raw }: FastifyRequest): boolean {
  const hosts = raw.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  return hosts.length > 1 || !raw.url?.startsWith('/');
}

/**
 * Whether a browser says that a page of another site sends the request
 * (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site). A link on such a page may lead here: its
 * page does not see the answer.
 */
function isFromAnotherSite({ headers }: FastifyRequest): boolean {
  const { 'sec-fetch-site': site = 'none', 'sec-fetch-mode': mode, 'sec-fetch-dest': target } = headers;
  const isLink = mode === 'navigate' && target === 'document';
  return site !== 'same-origin' && site !== 'none' && !isLink;
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

/** Closes the connection as well: whatever the client still sends is not read. */
function refuse(reply: FastifyReply, code: number, error: string): FastifyReply {
  return reply.code(code).header('connection', 'close').send({ error });
}
