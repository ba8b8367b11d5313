import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { FastifyInstance, FastifyReply } from 'fastify';
import helmet from 'helmet';
import type { Listen } from '../settings/addresses.js';
import { ACTIONS, bodyRule } from './action-request.js';
import { ACTIONS_OFF } from './served-status.js';

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
    const action = actionIn(request.raw.url);
    const refusal =
      action === undefined
        ? refusalOf(request.raw, checks, OPEN.includes(request.routeOptions.url))
        : actionRefusal(request.raw, checks, action);
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
  /** Whether clients may act on the group. */
  readonly actions: boolean;
}

export function checksOf(listen: Listen, token: string | undefined, actions: boolean): Checks {
  return { own: [listen.host, hostname()], token, actions };
}

/**
 * Why a request is refused, before anything is done for it; undefined if it is not.
 *
 * @param open whether it needs no token
 */
export function refusalOf(request: IncomingMessage, checks: Checks, open: boolean): HttpRefusal | undefined {
  const { method } = request;
  const strange = misdirected(request, checks);
  if (strange) return strange;
  if (isFromAnotherSite(request)) return OTHER_SITE;
  if (method !== 'GET' && method !== 'HEAD')
    return { code: 405, error: 'only GET and HEAD are allowed', headers: { allow: 'GET, HEAD' } };
  if (hasBody(request)) return { code: 413, error: 'a request must have no body' };
  return open ? undefined : withoutToken(request, checks);
}

const OTHER_SITE: HttpRefusal = {
  code: 403,
  error: 'requests of other sites are refused: open the page itself',
};

/** A request that may be meant for another server. */
function misdirected(request: IncomingMessage, { own, token }: Checks): HttpRefusal | undefined {
  const { headers } = request;
  if (isAmbiguous(request))
    return { code: 400, error: 'ambiguous request: send one Host header, and a path that begins with /' };
  // A token protects from DNS rebinding too: a foreign page does not have it.
  if (token === undefined && !isOwnHost(headers.host, own))
    return {
      code: 421,
      error:
        'unknown host name: use the address of this server, localhost or its host name, or set httpToken',
    };
  return undefined;
}

function withoutToken(request: IncomingMessage, { token }: Checks): HttpRefusal | undefined {
  if (!isTrusted(request, token))
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

/** Bytes of the body of an action. */
export const LONGEST_BODY = 65_536;
/** What a client must send with an action: a page of another site cannot. */
export const ACTION_HEADER = 'x-cgroup-action';
const ACTION_PATH = /^\/api\/actions\/([a-z]{1,20})$/;
const JSON_ONLY = /^application\/json *(; *charset="?utf-8"?)?$/i;

/** The action that a path names; undefined for other paths. A path that is written in another way names none. */
export function actionIn(path: string | undefined): string | undefined {
  return ACTION_PATH.exec(path ?? '')?.[1];
}

/**
 * Why a request for an action is refused; undefined if it is not. A page of another site cannot send it: browsers ask first
 * (OPTIONS, which is refused) before they send such a header or JSON for a page of another origin, and they say where the page is from.
 */
export function actionRefusal(
  request: IncomingMessage,
  checks: Checks,
  action: string,
): HttpRefusal | undefined {
  const { headers, method } = request;
  const strange = misdirected(request, checks);
  if (strange) return strange;
  if (!isFromOwnPage(request)) return OTHER_SITE;
  if (method !== 'POST') return { code: 405, error: 'an action is a POST', headers: { allow: 'POST' } };
  const unknown = withoutToken(request, checks);
  if (unknown) return unknown;
  if (!checks.actions || checks.token === undefined) return { code: 403, error: ACTIONS_OFF };
  const names: readonly string[] = ACTIONS;
  if (!names.includes(action))
    return { code: 404, error: `there is no action ${action}; there are ${ACTIONS.join(', ')}` };
  const named = headers[ACTION_HEADER];
  if (named === undefined) return { code: 403, error: `the header ${ACTION_HEADER}: ${action} is missing` };
  if (named !== action)
    return { code: 400, error: `the header ${ACTION_HEADER} must name the action of the path, ${action}` };
  if (!JSON_ONLY.test(headers['content-type'] ?? ''))
    return {
      code: 415,
      error: `send the header content-type: application/json, and as the body ${bodyRule(action)}`,
    };
  if (Number(headers['content-length'] ?? 0) > LONGEST_BODY) return TOO_LARGE;
  return undefined;
}

export const TOO_LARGE: HttpRefusal = { code: 413, error: 'a body must have at most 64 KB' };

/** Whether no browser sends the request, or one for a page of ours. A link or a form of another site is none. */
function isFromOwnPage({ headers }: IncomingMessage): boolean {
  const { 'sec-fetch-site': site, origin, host } = headers;
  // A page cannot write this header. Behind a proxy the name of the origin may be another one than that of the host.
  if (site !== undefined) return site === 'same-origin';
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}

/** The user of a Basic login; '' for none. */
export function basicUserIn(header: string | undefined): string {
  const [, rest] = /^basic +(\S+) *$/i.exec(header ?? '') ?? [];
  const pair = Buffer.from(rest ?? '', 'base64').toString('utf8');
  return pair.slice(0, Math.max(0, pair.indexOf(':')));
}

/** Closes the connection as well: whatever the client still sends is not read. */
function refuse(reply: FastifyReply, { code, error, headers = {} }: HttpRefusal): FastifyReply {
  return reply.code(code).headers(headers).header('connection', 'close').send({ error });
}
