import type { IncomingMessage } from 'node:http';
import { onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { processLine, type WorkerDelivery } from '../../src/protocol/from-group.js';
import { type FromWorker, parseFromWorker } from '../../src/protocol/from-worker.js';
import { notificationLine, resultLine } from '../../src/protocol/rpc.js';
import type { Hello } from '../../src/protocol/schema.js';
import { until } from './until.js';

export interface FakeGroupOptions {
  readonly port?: number;
  /** ms */
  readonly lease?: number;
  /** The id of the consumer that a worker becomes. Default: another one for each connection. */
  readonly consumerId?: (hello: Hello, number: number) => string;
  /** Which of the deliveries that a worker holds still count. Default: none. */
  readonly resumed?: (holds: readonly string[]) => string[];
  /** False: hello gets no answer. */
  readonly greets?: boolean;
}

/** The connection of a worker, as the group sees it. */
export class FakeConnection {
  readonly received: FromWorker[] = [];
  closed: { code: number; reason: string } | undefined;

  constructor(
    readonly ws: WebSocket,
    readonly request: IncomingMessage,
  ) {}

  get hello(): Hello | undefined {
    const message = this.received.find(({ kind }) => kind === 'hello');
    return message?.kind === 'hello' ? message.hello : undefined;
  }

  /** Of deliveries that are answered, by id: the result, or the error. */
  get answers(): Record<string, unknown> {
    return Object.fromEntries(
      this.received.flatMap((one) => {
        if (one.kind === 'answer') return [[one.deliveryId, JSON.parse(one.result) as unknown]];
        if (one.kind === 'failure')
          return [[one.deliveryId, { error: one.error, dead: one.dead, retryAfter: one.retryAfter }]];
        return [];
      }),
    );
  }

  give(deliveryId: string, message: object | string, more: Partial<WorkerDelivery> = {}): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    const rest = { attempt: 1, deadline: 60_000, consumerId: 'fake-1', traceparent: undefined };
    this.ws.send(processLine({ deliveryId, message: text, inboxId: `${deliveryId}-0`, ...rest, ...more }));
  }

  cancel(deliveryId: string, reason = 'cancelled'): void {
    this.ws.send(notificationLine('cancel', { delivery_id: deliveryId, reason }));
  }

  quiet(): void {
    this.ws.send(notificationLine('quiet', {}));
  }
}

/** A process of a group that a worker can connect to, without a group behind it. It ends with the test. */
export class FakeGroup {
  readonly connections: FakeConnection[] = [];

  private constructor(
    readonly server: WebSocketServer,
    readonly options: FakeGroupOptions,
  ) {
    server.on('connection', (ws, request) => this.#take(ws, request));
  }

  static async open(options: FakeGroupOptions = {}): Promise<FakeGroup> {
    const server = new WebSocketServer({ port: options.port ?? 0, host: '127.0.0.1', path: '/workers' });
    await new Promise((done) => server.once('listening', done));
    const group = new FakeGroup(server, options);
    onTestFinished(() => group.end());
    return group;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/workers`;
  }

  /** The n-th connection, from 0, once it has said hello. */
  connection(number = 0): Promise<FakeConnection> {
    return until(() => (this.connections[number]?.hello ? this.connections[number] : undefined), {
      what: `connection ${number} to say hello`,
    });
  }

  async end(): Promise<void> {
    for (const { ws } of this.connections) ws.terminate();
    await new Promise((done) => this.server.close(done));
  }

  #take(ws: WebSocket, request: IncomingMessage): void {
    const connection = new FakeConnection(ws, request);
    const number = this.connections.push(connection);
    ws.on('message', (data: Buffer) => {
      const message = parseFromWorker(data.toString());
      connection.received.push(message);
      if (message.kind !== 'hello' || this.options.greets === false) return;
      const { lease = 10_000, consumerId = (_, n) => `fake-${n}`, resumed = () => [] } = this.options;
      ws.send(
        resultLine(message.id, {
          group: 'cgroup',
          channel: 'messages:published',
          heartbeat: 1_000,
          lease,
          consumer_id: consumerId(message.hello, number),
          concurrency: message.hello.concurrency,
          resumed: resumed(message.hello.holds),
        }),
      );
    });
    ws.on('close', (code, reason) => {
      connection.closed = { code, reason: reason.toString() };
    });
  }
}
