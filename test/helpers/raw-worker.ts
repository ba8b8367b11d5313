import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { groupOn, type TestGroup } from './group.js';
import { addressOf, SERVING } from './http.js';
import { until } from './until.js';

/** A message of the group to a worker. */
export interface Received {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Record<string, unknown> & { readonly delivery_id?: string };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string };
}

/** A `process` request. */
export interface RawDelivery {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly attempt: number;
  readonly consumerId: string;
  readonly inboxId: string;
}

export interface RawWorkerOptions {
  name?: string;
  concurrency?: number;
  holds?: readonly string[];
  token?: string;
  headers?: Record<string, string>;
  /** Called with each delivery; default: it is kept for the test to answer. */
  onDelivery?: (delivery: RawDelivery, worker: RawWorker) => void;
}

/** Answers each delivery at once with its message id. */
export function echo({ deliveryId, messageId }: RawDelivery, worker: RawWorker): void {
  worker.answer(deliveryId, { message_id: messageId });
}

/** A remote worker of the test's own: it sends what the test wants, right or wrong. */
export class RawWorker {
  readonly socket: WebSocket;
  /** All that came, in its order. */
  readonly received: Received[] = [];
  /** The deliveries that came. */
  readonly deliveries: RawDelivery[] = [];
  /** The closing code; undefined while it is open. */
  closed: { readonly code: number; readonly reason: string } | undefined;

  private constructor(socket: WebSocket, onDelivery: RawWorkerOptions['onDelivery']) {
    this.socket = socket;
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as Received;
      this.received.push(message);
      if (message.method !== 'process') return;
      const { params = {} } = message;
      const { message_id: messageId } = params.message as { message_id: string };
      const delivery = {
        deliveryId: String(params.delivery_id),
        messageId,
        attempt: Number(params.attempt),
        consumerId: String(params.consumer_id),
        inboxId: String(params.inbox_id),
      };
      this.deliveries.push(delivery);
      onDelivery?.(delivery, this);
    });
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
  }

  /** Opens the WebSocket; says nothing. @param url `http://HOST:PORT` */
  static async open(
    url: string,
    { token, headers = {}, onDelivery }: RawWorkerOptions = {},
  ): Promise<RawWorker> {
    const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/workers`, {
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
    });
    onTestFinished(() => socket.terminate());
    const worker = new RawWorker(socket, onDelivery);
    await new Promise<void>((done, fail) => {
      socket.once('open', done);
      socket.once('error', fail);
    });
    return worker;
  }

  /** Opens it, and says hello; resolves when the group has answered. */
  static async connect(url: string, options: RawWorkerOptions = {}): Promise<RawWorker> {
    const worker = await RawWorker.open(url, options);
    const { name = 'w', concurrency = 1, holds } = options;
    worker.send({
      id: 'hello',
      method: 'hello',
      params: { name, concurrency, protocol: 1, ...(holds && { holds }) },
    });
    await until(() => worker.hello ?? worker.closed, { what: 'an answer to hello' });
    if (!worker.hello?.result) throw new Error(`no worker: ${JSON.stringify(worker.hello ?? worker.closed)}`);
    return worker;
  }

  /** The answer to hello. */
  get hello(): Received | undefined {
    return this.received.find(({ id }) => id === 'hello');
  }

  get consumerId(): string {
    return String(this.hello?.result?.consumer_id);
  }

  /** The methods of the notifications that came, and the deliveries that they name. */
  notifications(method: string): Received[] {
    return this.received.filter((message) => message.method === method);
  }

  get errors(): Received[] {
    return this.received.filter(({ error }) => error !== undefined);
  }

  /** Waits for so many deliveries. */
  async has(count: number): Promise<RawDelivery[]> {
    await until(() => this.deliveries.length >= count, { what: `${count} deliveries` });
    return this.deliveries;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  }

  answer(deliveryId: string, result: unknown): void {
    this.send({ id: deliveryId, result });
  }

  fail(deliveryId: string, message: string, data?: object): void {
    this.send({ id: deliveryId, error: { code: -32_000, message, ...(data && { data }) } });
  }

  /** Closes it in an orderly way. */
  async close(code = 1000): Promise<void> {
    this.socket.close(code);
    await until(() => this.closed, { what: 'the connection to be closed' });
  }

  /** Its process is gone. */
  kill(): void {
    this.socket.terminate();
  }
}

/** A group on the Redis at `redisUrl` with a process for remote workers, which connect at `url`. */
export async function remoteGroup(redisUrl: string, more: readonly string[] = [], of?: TestGroup) {
  const group = of ?? (await groupOn(redisUrl));
  const run = await group.start(['-p', 'remote', ...SERVING, ...more]);
  return { group, run, url: await addressOf(run) };
}
