import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { hostAndPort } from '../core/redis-address.js';
import type { WorkerHub } from '../processor/remote/hub.js';
import type { Session, WorkerConnection } from '../processor/remote/session.js';
import { LARGEST_MESSAGE } from '../protocol/limits.js';
import type { ConnectionLimits } from './connection-limits.js';
import { type Checks, type HttpRefusal, refusalOf } from './guard.js';
import { WORKERS_PATH } from './routes.js';

interface WorkerSocketsOptions {
  readonly hub: WorkerHub;
  readonly checks: Checks;
  readonly limits: ConnectionLimits;
}

/** ms that a worker may take to answer a closing frame, or to read why it is refused. */
const ENDS_WITHIN = 1_000;
/** Bytes of a reason in a closing frame (https://www.rfc-editor.org/rfc/rfc6455#section-5.5). */
const LONGEST_REASON = 123;

/** Lets remote workers connect to a server: the checks of all requests, then a WebSocket. Other requests get the usual answers. */
export function acceptWorkers(server: Server, { hub, checks, limits }: WorkerSocketsOptions): void {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LARGEST_MESSAGE,
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    if (!limits.isIdle(socket)) {
      socket.destroy();
      return;
    }
    if (!isForWorkers(request)) {
      giveBack(server, request, socket, head);
      return;
    }
    const refusal = refusalOf(request, checks, false) ?? refusalOfUpgrade(request, hub);
    if (refusal) {
      refuse(socket, refusal);
      return;
    }
    limits.release(socket);
    sockets.handleUpgrade(request, socket, head, (webSocket) => serve(webSocket, socket, hub));
  });
}

function isForWorkers({ url = '', headers }: IncomingMessage): boolean {
  return url.split('?', 1)[0] === WORKERS_PATH && headers.upgrade?.toLowerCase() === 'websocket';
}

/**
 * Has the server answer a request as if it offered no other protocol. `curl --http2` and the client of Java offer HTTP/2 with
 * each first request. Node has given the connection away, and so the server takes it as a new one, on which this request comes.
 */
function giveBack(server: Server, request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let at = 0; at < rawHeaders.length; at += 2)
    if (rawHeaders[at]?.toLowerCase() !== 'upgrade') text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}

function refusalOfUpgrade({ headers }: IncomingMessage, hub: WorkerHub): HttpRefusal | undefined {
  // Browsers send it. A page of another site has no token of its own, but its browser may add the one of a user.
  const { origin, host } = headers;
  if (origin !== undefined && hostOf(origin) !== host)
    return { code: 403, error: 'WebSockets from pages of other sites are refused' };
  const error = hub.refusal;
  return error === undefined ? undefined : { code: 503, error, headers: { 'retry-after': '1' } };
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** No answer of `http` can be sent: Node has given the connection away. */
function refuse(socket: Socket, { code, error, headers = {} }: HttpRefusal): void {
  const body = JSON.stringify({ error });
  const lines = {
    connection: 'close',
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.setTimeout(ENDS_WITHIN, () => socket.destroy());
  socket.end(`HTTP/1.1 ${code} ${STATUS_CODES[code]}\r\n${head.join('')}\r\n${body}`);
}

/** Hands what comes on a WebSocket to a session. */
function serve(webSocket: WebSocket, socket: Socket, hub: WorkerHub): void {
  const session: Session = hub.accept(new SocketConnection(webSocket, socket));
  let broken: string | undefined;
  webSocket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) session.onBinary();
    else session.onMessage(data.toString());
  });
  for (const sign of ['ping', 'pong']) webSocket.on(sign, () => session.onSignOfLife());
  webSocket.on('error', (error) => {
    broken = error.message;
    session.onBroken(broken);
    endSoon(webSocket);
  });
  webSocket.on('close', (code: number) => session.onClose(code, broken));
  socket.on('drain', () => session.onDrain());
}

/** A closing frame is sent: the worker may not read it, or not answer it. */
function endSoon(webSocket: WebSocket): void {
  setTimeout(() => webSocket.terminate(), ENDS_WITHIN).unref();
}

/** All that is sent in one turn of the event loop goes out in one write. */
class SocketConnection implements WorkerConnection {
  readonly address: string;
  readonly #webSocket: WebSocket;
  readonly #socket: Socket;
  #corked = false;

  constructor(webSocket: WebSocket, socket: Socket) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    const { remoteAddress: host = '?', remotePort: port = 0 } = socket;
    this.address = hostAndPort({ host, port });
  }

  get received(): number {
    return this.#socket.bytesRead;
  }

  get unsent(): number {
    return this.#webSocket.bufferedAmount;
  }

  send(line: string): void {
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      setImmediate(this.#uncork);
    }
    this.#webSocket.send(line);
  }

  ping(): void {
    this.#webSocket.ping();
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  close(code: number, reason: string): void {
    // It is ASCII, but for what it quotes of the worker.
    this.#webSocket.close(code, reason.replace(/[^ -~]/g, '?').slice(0, LONGEST_REASON));
    this.resume();
    endSoon(this.#webSocket);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }

  readonly #uncork = () => {
    this.#corked = false;
    this.#socket.uncork();
  };
}
