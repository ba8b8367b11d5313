import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy in front of Redis that breaks connections as networks do. */
export interface FaultProxy {
  readonly port: number;
  readonly url: string;
  /** Resets all connections (RST on both sides). New ones go through. */
  cut(): void;
  /** Forwards nothing in either direction and closes nothing, on existing and new connections: a dead peer. */
  halfOpen(): void;
  /** Drops the replies of the server, on existing and new connections; commands still reach the server. */
  swallowReplies(): void;
  /** Forwards at most so many bytes a second, each way and on each connection: a slow link. 0 ends this. */
  slow(bytesPerSecond: number): void;
  /** Forwards new connections again. Existing ones stay broken until `cut`. */
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
  const speed = { bytesPerSecond: 0 };
  let mode: Mode = 'forward';

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const link: Link = { client, target, mode };
    links.add(link);
    pump(link, client, target, speed);
    pump(link, target, client, speed);
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
    slow: (bytesPerSecond) => {
      speed.bytesPerSecond = bytesPerSecond;
    },
    swallowReplies: () => setMode('swallow'),
    heal: () => {
      // A stream that misses bytes cannot be repaired: only new connections work.
      mode = 'forward';
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        cut();
      }),
  };
}

/** Forwards data from one side to the other, in order, at the speed of the receiver, or of a slow link. */
function pump(link: Link, from: Socket, to: Socket, speed: { readonly bytesPerSecond: number }): void {
  const goOn = () => link.mode !== 'half-open' && from.resume();
  from.on('data', (chunk) => {
    if (link.mode === 'swallow' && from === link.target) return;
    const { bytesPerSecond } = speed;
    if (bytesPerSecond > 0) {
      from.pause();
      to.write(chunk);
      setTimeout(goOn, (chunk.length / bytesPerSecond) * 1_000);
    } else if (!to.write(chunk)) {
      from.pause();
      to.once('drain', goOn);
    }
  });
  from.on('end', () => link.mode !== 'half-open' && to.end());
  // A reset is forwarded as a reset. The peer of a half-open link must not notice it.
  from.on('error', () => link.mode !== 'half-open' && to.resetAndDestroy());
}

/** Leaves data unread, so that the buffers of the sender fill up, as with a peer that is gone. */
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
