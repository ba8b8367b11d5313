import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy in front of Redis that simulates network faults. */
export interface FaultProxy {
  readonly port: number;
  readonly url: string;
  /** Resets all connections (RST on both sides). New ones go through. */
  cut(): void;
  /** Forwards nothing in either direction and closes nothing, on connections old and new: a dead peer. */
  halfOpen(): void;
  /** Drops the replies of the server, on connections old and new; commands still reach the server. */
  swallowReplies(): void;
  /** Forwards new connections again. Those with a fault stay broken until `cut`. */
  heal(): void;
  /** Cuts all connections and closes the port. */
  stop(): Promise<void>;
}

type Mode = 'forward' | 'half-open' | 'swallow';

interface Link {
  readonly client: Socket;
  readonly target: Socket;
  mode: Mode;
}

/** Starts a proxy on a free port, in front of the loopback port `targetPort`. */
export async function startProxy(targetPort: number): Promise<FaultProxy> {
  const links = new Set<Link>();
  let mode: Mode = 'forward';

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const link: Link = { client, target, mode };
    links.add(link);
    pump(link, client, target);
    pump(link, target, client);
    if (mode === 'half-open') pause(link);
    const forget = () => client.closed && target.closed && links.delete(link);
    client.on('close', forget);
    target.on('close', forget);
  });
  const port = await listen(server);

  const cut = (): void => {
    for (const { client, target } of links) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
  };
  const setMode = (next: Mode): void => {
    mode = next;
    for (const link of links) {
      link.mode = next;
      if (next === 'half-open') pause(link);
      else resume(link);
    }
  };

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    cut,
    halfOpen: () => setMode('half-open'),
    swallowReplies: () => setMode('swallow'),
    heal: () => {
      // Connections with a fault have lost bytes, so they stay broken.
      mode = 'forward';
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        cut();
      }),
  };
}

/** Forwards bytes from one side to the other, no faster than the receiver reads. */
function pump(link: Link, from: Socket, to: Socket): void {
  from.on('data', (chunk) => {
    if (link.mode === 'swallow' && from === link.target) return;
    if (to.write(chunk)) return;
    from.pause();
    to.once('drain', () => link.mode !== 'half-open' && from.resume());
  });
  from.on('end', () => link.mode !== 'half-open' && to.end());
  // A reset is forwarded as one, but not over a half-open link.
  from.on('error', () => link.mode !== 'half-open' && to.resetAndDestroy());
}

/** Stops reading, so that a sender's buffers fill up, as with a dead peer. */
function pause({ client, target }: Link): void {
  client.pause();
  target.pause();
}

function resume({ client, target }: Link): void {
  client.resume();
  target.resume();
}

function listen(server: Server): Promise<number> {
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') done(address.port);
    });
  });
}
