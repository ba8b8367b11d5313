import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { CgroupError, messageOf } from '../core/errors.js';
import { GOING_AWAY } from '../protocol/close-codes.js';
import { LARGEST_MESSAGE } from '../protocol/limits.js';
import { LineQueue, type WorkerLink, type WorkerSource } from './link.js';

/** Listens for remote workers. */
export class RemoteSource implements WorkerSource {
  readonly #url: URL;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;
  readonly #connected: RemoteLink[] = [];
  #waiting: (() => void) | undefined;

  /** @param url where to listen: `ws://HOST:PORT/workers` */
  constructor(url: string) {
    this.#url = new URL(url);
    this.#server = createServer((_, response) => response.writeHead(426).end());
    this.#sockets = new WebSocketServer({
      server: this.#server,
      path: this.#url.pathname,
      perMessageDeflate: false,
      maxPayload: LARGEST_MESSAGE,
    });
    // The server's own handler, below, says it.
    this.#sockets.on('error', () => {});
    this.#sockets.on('connection', (socket) => {
      this.#connected.push(new RemoteLink(socket));
      this.#waiting?.();
    });
  }

  /**
   * Returns the URL for the worker.
   *
   * @throws {CgroupError} LISTEN
   */
  async listen(): Promise<string> {
    const { hostname, port, pathname } = this.#url;
    const host = hostname.replace(/^\[|\]$/g, '');
    try {
      this.#server.listen(Number(port || 80), host);
      await once(this.#server, 'listening');
    } catch (cause) {
      const text = `cannot listen at ${this.#url.host}: ${messageOf(cause)}; name a free port of this machine`;
      throw new CgroupError('LISTEN', text, { cause });
    }
    const address = this.#server.address() as AddressInfo;
    return `ws://${hostname}:${address.port}${pathname}`;
  }

  /** The newest connection; waits for one if there is none. */
  async open(within: number): Promise<WorkerLink | undefined> {
    const end = performance.now() + within;
    for (;;) {
      const link = this.#connected.pop();
      const left = end - performance.now();
      if (link?.gone === undefined && link) return link;
      if (!link && left <= 0) return undefined;
      if (!link) await this.#connection(left);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  #connection(within: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, within);
      this.#waiting = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

class RemoteLink implements WorkerLink {
  readonly kind = 'remote';
  readonly #socket: WebSocket;
  readonly #lines = new LineQueue();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: RawData, isBinary) => {
      const text = String(data);
      this.#lines.push(isBinary ? `(a binary frame) ${text}` : text);
    });
    socket.on('error', (error) => this.#lines.end(`the connection broke: ${error.message}`));
    socket.on('close', (code) => this.#lines.end(`the worker closed the connection with ${code}`));
  }

  get gone(): string | undefined {
    return this.#lines.gone;
  }

  send(line: string): void {
    if (line !== '') this.#socket.send(line);
  }

  sendBytes(): void {}

  next(within: number): Promise<string | undefined> {
    return this.#lines.next(within);
  }

  async ping(within: number): Promise<boolean> {
    const pong = once(this.#socket, 'pong', { signal: AbortSignal.timeout(within) });
    this.#socket.ping();
    return pong.then(
      () => true,
      () => false,
    );
  }

  async finish(within: number): Promise<boolean> {
    if (this.gone !== undefined) return true;
    const closed = once(this.#socket, 'close', { signal: AbortSignal.timeout(within) });
    this.#socket.close(GOING_AWAY, 'the group stops');
    return closed.then(
      () => true,
      () => false,
    );
  }

  async close(): Promise<void> {
    this.#socket.terminate();
  }
}
