import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Most connections at a time. */
const MOST_CONNECTIONS = 512;
/** Most requests of one connection that wait for their answer, or whose answer is not read. */
const MOST_UNANSWERED = 4;
/** ms that a client may take to send its headers, and the whole request. */
const HEADERS_WITHIN = 5_000;
const REQUEST_WITHIN = 10_000;
/** ms without a byte in either direction, after which a connection is closed. */
const SILENT_FOR = 30_000;

const LF = 0x0a;
const CR = 0x0d;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Makes HTTP servers that share limits. A client without a token can neither take all connections, so that no probe gets
 * one, nor keep this thread busy with requests whose answers it does not read.
 */
export class ConnectionLimits {
  /** The answers not yet sent, by connection; the connections that have been idle for longest come first. */
  readonly #unanswered = new Map<Socket, Set<ServerResponse>>();

  makeServer(handler: Handler): Server {
    const server = createServer(
      {
        headersTimeout: HEADERS_WITHIN,
        requestTimeout: REQUEST_WITHIN,
        keepAliveTimeout: SILENT_FOR,
        connectionsCheckingInterval: 1_000,
        maxHeaderSize: 8_192,
      },
      (request, response) => {
        if (this.#admits(request, response)) handler(request, response);
      },
    );
    server.setTimeout(SILENT_FOR);
    return server.on('connection', (socket: Socket) => this.#open(socket));
  }

  /** Whether all requests of a connection are answered. */
  isIdle(socket: Socket): boolean {
    return this.#unanswered.get(socket)?.size === 0;
  }

  /** A connection speaks another protocol from now on: it has other limits. */
  release(socket: Socket): void {
    this.#unanswered.delete(socket);
    socket.removeListener('data', limitRequestsIn);
    socket.setTimeout(0);
  }

  /** A connection may come again, if it has not changed to another protocol. */
  #open(socket: Socket): void {
    if (!this.#unanswered.has(socket)) socket.once('close', () => this.#unanswered.delete(socket));
    this.#unanswered.set(socket, new Set());
    // After `http` has prepared the connection: else it would read past this.
    socket.removeListener('data', limitRequestsIn).prependListener('data', limitRequestsIn);
    if (this.#unanswered.size <= MOST_CONNECTIONS) return;
    const dropped = this.#longestIdle() ?? socket;
    this.#unanswered.delete(dropped);
    dropped.destroy();
  }

  /** An answer that is ready and only waits for its client to read it is no work. */
  #longestIdle(): Socket | undefined {
    for (const [socket, answers] of this.#unanswered)
      if ([...answers].every(({ writableEnded }) => writableEnded)) return socket;
    return undefined;
  }

  /** Closes the connection if too many of its requests are unanswered. */
  #admits({ socket }: IncomingMessage, response: ServerResponse): boolean {
    const answers = this.#unanswered.get(socket);
    if (!answers || answers.size >= MOST_UNANSWERED) {
      socket.destroy();
      return false;
    }
    answers.add(response);
    response.once('close', () => {
      answers.delete(response);
      // The last one to become idle.
      if (this.#unanswered.delete(socket)) this.#unanswered.set(socket, answers);
    });
    return true;
  }
}

/**
 * Makes a chunk with too many requests unreadable, so that the parser refuses it with 400 and closes the connection. It
 * would hand on all requests of a chunk, 1,500 in 64 KB, before anything else in this thread is done.
 */
function limitRequestsIn(chunk: Buffer): void {
  let requests = 0;
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) {
    // Headers end with an empty line. JSON in the body of an action has none, unless somebody writes it by hand.
    const next = at + (chunk[at + 1] === CR ? 2 : 1);
    if (chunk[next] === LF && ++requests > MOST_UNANSWERED) {
      chunk.fill(0);
      return;
    }
  }
}
