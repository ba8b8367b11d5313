import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request as a service gets it. */
export interface ServiceRequest {
  /** The body as it came. */
  readonly text: string;
  readonly message: { readonly message_id: string; readonly do?: string; readonly [name: string]: unknown };
  readonly headers: IncomingMessage['headers'];
  readonly attempt: number;
  readonly inboxId: string;
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
}

export interface TestService {
  readonly url: string;
  readonly port: number;
  /** Newest last. */
  readonly requests: ServiceRequest[];
  readonly server: Server;
  /** Stops listening, and breaks all connections. */
  stop(): Promise<void>;
}

/** Reads the whole body of each request before it calls `answer`. */
export function listenerOf(
  requests: ServiceRequest[],
  answer: (request: ServiceRequest) => void,
): RequestListener {
  return (raw, response) => {
    const chunks: Buffer[] = [];
    raw.on('error', () => {}).on('data', (chunk: Buffer) => chunks.push(chunk));
    raw.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const request: ServiceRequest = {
        text,
        message: JSON.parse(text) as ServiceRequest['message'],
        headers: raw.headers,
        attempt: Number(raw.headers['cgroup-attempt']),
        inboxId: String(raw.headers['ce-id']),
        raw,
        response,
      };
      requests.push(request);
      answer(request);
    });
  };
}

/** A web service that answers as the test says. It is stopped when the test has ended. */
export async function serviceOn(
  answer: (request: ServiceRequest) => void,
  { port = 0, requests = [] }: { port?: number; requests?: ServiceRequest[] } = {},
): Promise<TestService> {
  const server = createServer(listenerOf(requests, answer));
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, '127.0.0.1', done));
  const stop = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  onTestFinished(() => stop());
  const bound = (server.address() as AddressInfo).port;
  return { url: `http://127.0.0.1:${bound}/process`, port: bound, requests, server, stop };
}

/** A port on which nothing listens. */
export async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((done) => server.close(() => done()));
  return port;
}

export function answerJson({ response }: ServiceRequest, value: unknown): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
}
