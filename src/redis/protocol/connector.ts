import { connect as connectTcp, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { HostPort } from '../../core/redis-address.js';
import { AbstractConnector } from './ioredis.js';
import { type TlsSettings, tlsOptions } from './tls.js';

export interface ConnectorOptions {
  /** Finds the server, anew for each connection. */
  readonly find: () => Promise<HostPort> | HostPort;
  /** Undefined without TLS. */
  readonly tls: TlsSettings | undefined;
  /** Which addresses of a name are used. */
  readonly family: 0 | 4 | 6;
}

type Made = Awaited<ReturnType<AbstractConnector['connect']>>;

/** ms for which ioredis keeps the process alive after a disconnect, even if the socket is gone already. */
export const DISCONNECT_TIMEOUT = 100;

/**
 * A class that opens sockets for one ioredis client, to a server that is looked up for each of them.
 *
 * It never rejects: ioredis would not try again. A server that cannot be found gives a socket that is closed already.
 */
export function connectorFor({ find, tls, family }: ConnectorOptions): new () => AbstractConnector {
  return class extends AbstractConnector {
    constructor() {
      super(DISCONNECT_TIMEOUT);
    }

    async connect(): Promise<Made> {
      this.connecting = true;
      this.stream = await this.#open();
      return this.stream;
    }

    async #open(): Promise<Made> {
      try {
        const { host, port } = await find();
        const at = { host, port, family };
        const secure = tls && (await tlsOptions(tls, host));
        if (!this.connecting) return this.#failed(new Error('Connection is closed.'));
        const socket = secure ? connectTls({ ...secure, ...at }) : connectTcp(at);
        socket.once('error', (error) => {
          this.firstError = error;
        });
        return socket;
      } catch (error) {
        return this.#failed(error as Error);
      }
    }

    #failed(error: Error): Made {
      this.firstError = error;
      return new Socket().destroy();
    }
  };
}
