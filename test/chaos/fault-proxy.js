import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Lane, reset } from './proxy-lane.js';
import { Throttle } from './throttle.js';

/**
 * A TCP proxy in front of Redis that imitates the faults of networks, for each direction separately:
 * `requests` go to Redis, `replies` come from it.
 *
 * It counts what it does, so that a fault can prove that it happened.
 */
export class FaultProxy {
  /** Bytes and connections that met a fault. */
  counts = { cut: 0, held: 0, dropped: 0, delayed: 0, sliced: 0, throttled: 0 };
  /** How each direction is passed on: `pass`, `hold` (a dead peer: unread) or `drop` (swallowed). */
  modes = { requests: 'pass', replies: 'pass' };
  /** ms by which everything is delayed. */
  delay = 0;
  /** Whether chunks are passed on byte by byte. */
  slicing = false;
  /** The two directions of a slow link; undefined if the link is fast. @type {Record<'requests' | 'replies', Throttle> | undefined} */
  throttles;
  /**
   * Called with each chunk for Redis, before it is passed on.
   * @type {((chunk: Buffer, link: object) => void) | undefined}
   */
  onRequest;
  /** Where new connections go. @type {{ host: string, port: number }} */
  target;
  #links = new Set();
  #server;

  /** @param {number} port that it leads to */
  static async start(port, host = '127.0.0.1') {
    const proxy = new FaultProxy();
    proxy.target = { host, port };
    proxy.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      proxy.#accept(client, proxy.target),
    );
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port() {
    return this.#server.address().port;
  }

  /** Whether a connection that Redis sees as coming from `port` is one of these. */
  isTo(port) {
    return [...this.#links].some(({ target }) => target.localPort === Number(port));
  }

  /** Resets all connections; new ones go through. Returns how many were reset. */
  cut() {
    const links = [...this.#links];
    for (const link of links) link.reset();
    this.counts.cut += links.length;
    return links.length;
  }

  /** New connections go to another server; all others are reset. */
  leadTo(port, host) {
    this.target = { host, port };
    this.cut();
  }

  /** Makes a slow link of it, with so many bytes per second in each direction. */
  throttle(bytesPerSecond) {
    this.throttles = { requests: new Throttle(bytesPerSecond), replies: new Throttle(bytesPerSecond) };
  }

  /** Passes on again. A connection with a hole in its stream is reset. */
  heal() {
    this.modes = { requests: 'pass', replies: 'pass' };
    this.delay = 0;
    this.slicing = false;
    for (const throttle of Object.values(this.throttles ?? {})) throttle.open();
    this.throttles = undefined;
    this.onRequest = undefined;
    for (const link of this.#links) if (link.broken) link.reset();
  }

  async stop() {
    const closed = new Promise((done) => this.#server.close(done));
    for (const link of this.#links) link.reset();
    await closed;
  }

  #accept(client, to) {
    const target = connect({ ...to, allowHalfOpen: true, noDelay: true });
    const link = {
      broken: false,
      target,
      reset: () => {
        reset(client);
        reset(target);
      },
    };
    this.#links.add(link);
    new Lane('requests', client, target, link, this);
    new Lane('replies', target, client, link, this);
    const forget = () => client.closed && target.closed && this.#links.delete(link);
    client.on('close', forget);
    target.on('close', forget);
  }
}
