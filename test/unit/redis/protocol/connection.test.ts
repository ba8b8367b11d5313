import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../../src/log/logger.js';
import { Connection } from '../../../../src/redis/protocol/connection.js';

// ioredis-mock has lists and channels. `call` and CLIENT are added here; a message is bytes only if it was published as
// bytes. Scripts, lost connections and missing replies are tested with a real Redis.
vi.mock('../../../../src/redis/protocol/ioredis.js', async () => {
  type Mock = new (...args: unknown[]) => object;
  const { default: Mock } = await vi.importActual<{ default: Mock }>('ioredis-mock');
  class Redis extends Mock {
    client() {
      return Promise.resolve(1);
    }

    call(command: string, ...args: unknown[]) {
      return this.#named(command.toLowerCase(), args);
    }

    callBuffer(command: string, ...args: unknown[]) {
      return this.#named(`${command.toLowerCase()}Buffer`, args);
    }

    #named(name: string, args: unknown[]): unknown {
      const method = Reflect.get(this, name) as (...args: unknown[]) => Promise<unknown>;
      return method.apply(this, args);
    }
  }
  class AbstractConnector {}
  return { Redis, AbstractConnector };
});

const opened: Connection[] = [];
afterEach(() => {
  for (const connection of opened.splice(0)) connection.close();
});

function open(): Connection {
  const connection = new Connection('redis://localhost:6379', 'test', silentLogger);
  opened.push(connection);
  return connection;
}

async function connect(): Promise<Connection> {
  const connection = open();
  await connection.connect({ timeout: 1_000 });
  return connection;
}

describe('a connection', () => {
  it('emits ready', async () => {
    const connection = open();
    const ready = vi.fn();
    connection.on('ready', ready);
    await connection.connect({ timeout: 1_000 });
    expect(ready).toHaveBeenCalledTimes(1);
  });

  it('sends a command, and returns text or bytes', async () => {
    const connection = await connect();
    expect(await connection.call('RPUSH', 'a list', 'first', Buffer.from([0xff, 0x00]), 3)).toBe(3);
    expect(await connection.call('LRANGE', 'a list', 2, -1)).toEqual(['3']);
    expect(await connection.callBuffer('LRANGE', 'a list', 0, 1)).toEqual([
      Buffer.from('first'),
      Buffer.from([0xff, 0x00]),
    ]);
  });
});
