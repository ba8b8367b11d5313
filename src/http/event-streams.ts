import type { ServerResponse } from 'node:http';

/** Bytes that a client may lag behind before it is left out until it has caught up. */
const MOST_BEHIND = 1_000_000;
/** Events in a row that a client may miss so; then it is given up. */
const MOST_MISSED = 30;

/** An event of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export function eventText(name: string, data: string): string {
  return `event: ${name}\ndata: ${data}\n\n`;
}

/** The clients of an event stream: each event is made a text once, and written to all. */
export class EventStreams {
  readonly #most: number;
  /** With the events that each has missed in a row. */
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

  /** Takes on a client whose headers are sent already. */
  add(client: ServerResponse): void {
    this.#clients.set(client, 0);
    client.once('close', () => this.#clients.delete(client));
    client.on('error', () => {}); // 'close' follows
  }

  /** Sends an event to all who can take it. */
  send(text: string): void {
    // The same bytes for all, instead of as many copies.
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

  /** Sends an event to one of them, if it is there still. */
  sendTo(client: ServerResponse, text: string): void {
    if (this.#clients.has(client)) client.write(text);
  }

  /** Ends all streams at once. */
  close(): void {
    for (const client of this.#clients.keys()) client.destroy();
  }
}
