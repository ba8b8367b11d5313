import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { BROKEN, isClean, isRefusal } from '../protocol/close-codes.js';
import { closedText, networkText, refusedText } from './ends.js';

/** ms from the first packet to the answer to `hello`. */
const HELLO_TIMEOUT = 15_000;
/** ms that the other side may take to answer a close. */
const CLOSE_TIMEOUT = 1_000;
/** Redis takes no longer value; the rest is for what stands around the message. */
const LARGEST_FRAME = 513 * 2 ** 20;
/** Bytes of the body of a refusal that are read. */
const LARGEST_REFUSAL = 2_048;
/** The silence that ends a connection is measured in so many steps. */
const STEPS = 4;

/** How a connection ended, or why there was none. */
export interface SocketEnd {
  /** In words: what is wrong, and what to do. */
  readonly why: string;
  /**
   * clean: the group has taken back all deliveries. broken: it may keep them for a while. refused: the same will happen
   * again until a person changes something.
   */
  readonly kind: 'clean' | 'broken' | 'refused';
}

export interface GroupSocketOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly onOpen: () => void;
  readonly onText: (text: string) => void;
  /** Called once. */
  readonly onEnd: (end: SocketEnd) => void;
}

/** One connection to a group, from its first packet to its end. */
export class GroupSocket {
  readonly #options: GroupSocketOptions;
  readonly #ws: WebSocket;
  #socket: Socket | undefined;
  #corked = false;
  #error: unknown;
  #end: SocketEnd | undefined;
  /** Ends a connection that does not get so far as to `hello`; later one that is silent. */
  #watch: NodeJS.Timeout;

  constructor(options: GroupSocketOptions) {
    this.#options = options;
    const { url, token } = options;
    const ws = new WebSocket(url, {
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
      perMessageDeflate: false,
      maxPayload: LARGEST_FRAME,
    });
    this.#ws = ws;
    ws.on('upgrade', ({ socket }) => {
      this.#socket = socket;
    });
    ws.on('open', () => options.onOpen());
    ws.on('message', (data: Buffer) => {
      if (!this.#end) options.onText(data.toString());
    });
    ws.on('unexpected-response', (_request, response) => this.#refuse(response));
    ws.on('error', (error) => {
      this.#error ??= error;
    });
    ws.on('close', (code, reason) => this.#onClose(code, reason.toString()));
    this.#watch = setTimeout(() => {
      const why = `no answer to its hello within ${HELLO_TIMEOUT / 1_000} s: is this the address of a group?`;
      this.abort({ why, kind: 'broken' });
    }, HELLO_TIMEOUT);
  }

  /** What is sent in one turn of the event loop leaves in one write. Returns false if there is no connection. */
  send(text: string): boolean {
    if (this.#end || this.#ws.readyState !== WebSocket.OPEN) return false;
    const socket = this.#socket;
    if (socket && !this.#corked) {
      this.#corked = true;
      socket.cork();
      setImmediate(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    this.#ws.send(text);
    return true;
  }

  /** From now on, silence of so many ms ends the connection. A ping is a sign of life. */
  limitSilence(lease: number): void {
    clearTimeout(this.#watch);
    let [bytes, silent] = [0, 0];
    // Steps, not a time: this thread may have been busy, and what came meanwhile is not read yet.
    this.#watch = setInterval(() => {
      const { bytesRead = 0 } = this.#socket ?? {};
      silent = bytesRead === bytes ? silent + 1 : 0;
      bytes = bytesRead;
      if (silent > STEPS) this.abort({ why: `the group is silent for ${lease} ms`, kind: 'broken' });
    }, lease / STEPS);
  }

  /** Ends it in an orderly way: the group takes back what is not answered. */
  close(end: SocketEnd): void {
    this.#end ??= end;
    this.#ws.close(1000);
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.#ws.terminate(), CLOSE_TIMEOUT);
  }

  abort(end: SocketEnd): void {
    this.#end ??= end;
    this.#ws.terminate();
  }

  /** The answer to the request is not a WebSocket. */
  #refuse(response: IncomingMessage): void {
    let body = '';
    const refuse = () => {
      const status = response.statusCode ?? 0;
      this.abort({
        why: refusedText(status, body),
        // The server itself is well: it is the request that has to change.
        kind: status < 500 ? 'refused' : 'broken',
      });
    };
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      body += text;
      if (body.length > LARGEST_REFUSAL) refuse();
    });
    response.on('end', refuse);
    response.on('error', refuse);
  }

  #onClose(code: number, reason: string): void {
    clearTimeout(this.#watch);
    const broken = code === BROKEN && this.#error !== undefined;
    this.#end ??= {
      why: broken ? networkText(this.#error) : closedText(code, reason),
      kind: isClean(code) ? 'clean' : isRefusal(code) ? 'refused' : 'broken',
    };
    this.#options.onEnd(this.#end);
  }
}
