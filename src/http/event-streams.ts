import type { ServerResponse } from 'node:http';

/** A client that lags behind by more bytes gets no events until it has caught up. */
const MOST_BEHIND = 1_000_000;
/** A client that misses more events in a row is disconnected. */
const MOST_MISSED = 30;

/** An event of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function eventText(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

/** The clients of the event stream. */
export class EventStreams {
  readonly #most: number;
  /** Each client, with the number of events that it has missed in a row. */
  readonly #clients = new Map<ServerResponse, number>();

  /** @param most clients at a time */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#clients.size;
  }

  get isFull(): boolean {
    return this.#clients.size >= this.#most;
  }

  /** Adds a client whose headers are sent already. */
  add(client: ServerResponse): void {
    this.#clients.set(client, 0);
    client.once('close', () => this.#clients.delete(client));
    client.on('error', () => {}); // 'close' follows
  }

  /** Sends an event to all clients, but those that lag behind. */
  send(text: string): void {
    // One buffer for all clients: a string would be encoded for each.
    const bytes = Buffer.from(text);
    for (const [client, missed] of this.#clients) {
      if (client.destroyed) continue;
      if (client.writableLength <= MOST_BEHIND) {
        client.write(bytes);
        this.#clients.set(client, 0);
      } else if (missed < MOST_MISSED) this.#clients.set(client, missed + 1);
      else client.destroy();
    }
  }

  /** Sends an event to one client, if it is still connected. */
  sendTo(client: ServerResponse, text: string): void {
    if (this.#clients.has(client)) client.write(text);
  }

  /** Ends all streams at once. */
  close(): void {
    for (const client of this.#clients.keys()) client.destroy();
  }
}
