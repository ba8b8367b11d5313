import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { FastifyInstance, FastifyReply } from 'fastify';
import helmet from 'helmet';
import type { Listen } from '../settings/addresses.js';

/** Served without the token, because probes have none. Without it, the answers hold no details. */
const OPEN: readonly (string | undefined)[] = ['/healthz', '/readyz'];

/** Adds the checks that every request passes before its route, and the headers of every answer. */
export async function guard(app: FastifyInstance, checks: Checks): Promise<void> {
  const setHeaders = helmet({
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
  app.addHook('onRequest', (request, reply, next) => setHeaders(request.raw, reply.raw, () => next()));
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const refusal = refusalOf(request.raw, checks, OPEN.includes(request.routeOptions.url));
    return refusal && refuse(reply, refusal);
  });
  app.setNotFoundHandler((_, reply) => refuse(reply, NOT_FOUND));
}

/** Why a request is refused. */
export interface HttpRefusal {
  /** The status of the answer. */
  readonly code: number;
  readonly error: string;
  /** Of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

const NOT_FOUND: HttpRefusal = { code: 404, error: 'not found' };

/** What requests are checked against. */
export interface Checks {
  /** Names of this server: that of the machine, and the one that it listens on. */
  readonly own: readonly string[];
  /** Required of clients; undefined if none is set. */
  readonly token: string | undefined;
}

export function checksOf(listen: Listen, token: string | undefined): Checks {
  return { own: [listen.host, hostname()], token };
}

/**
 * Why a request is refused, before anything is done for it; undefined if it is not.
 *
 * @param open whether it needs no token
 */
export function refusalOf(
  request: IncomingMessage,
  { own, token }: Checks,
  open: boolean,
): HttpRefusal | undefined {
  const { headers, method } = request;
  if (isAmbiguous(request))
    return { code: 400, error: 'ambiguous request: send one Host header, and a path that begins with /' };
  // A token protects from DNS rebinding too: a foreign page does not have it.
  if (token === undefined && !isOwnHost(headers.host, own))
    return {
      code: 421,
      error:
        'unknown host name: use the address of this server, localhost or its host name, or set httpToken',
    };
  if (isFromAnotherSite(request))
    return { code: 403, error: 'requests of other sites are refused: open the page itself' };
  if (method !== 'GET' && method !== 'HEAD')
    return { code: 405, error: 'only GET and HEAD are allowed', headers: { allow: 'GET, HEAD' } };
  if (hasBody(request)) return { code: 413, error: 'a request must have no body' };
  if (!open && !isTrusted(request, token))
    return {
      code: 401,
      error: 'the token is missing or wrong: send it as bearer token, or as the password of any user',
      headers: { 'www-authenticate': 'Basic realm="cgroup", charset="UTF-8"' },
    };
  return undefined;
}

/** Whether a request may see details: it has the token, or no token is set. */
export function isTrusted({ headers }: Pick<IncomingMessage, 'headers'>, token: string | undefined): boolean {
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
function isAmbiguous({ rawHeaders, url }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host');
  return hosts.length > 1 || !url?.startsWith('/');
}

/**
 * Whether a browser says that a page of another site sends the request
 * (https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site). A link on such a page may lead here: its
 * page does not see the answer.
 */
function isFromAnotherSite({ headers }: IncomingMessage): boolean {
  const { 'sec-fetch-site': site = 'none', 'sec-fetch-mode': mode, 'sec-fetch-dest': target } = headers;
  const isLink = mode === 'navigate' && target === 'document';
  return site !== 'same-origin' && site !== 'none' && !isLink;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}

/** Closes the connection as well: whatever the client still sends is not read. */
function refuse(reply: FastifyReply, { code, error, headers = {} }: HttpRefusal): FastifyReply {
  return reply.code(code).headers(headers).header('connection', 'close').send({ error });
}
