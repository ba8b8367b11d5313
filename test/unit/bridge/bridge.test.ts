import { expect, it, vi } from 'vitest';
import { Bridge } from '../../../src/bridge/bridge.js';
import { silentLogger } from '../../../src/log/logger.js';
import { Connection } from '../../../src/redis/protocol/connection.js';
import { fakeBridgeStore } from '../../helpers/fake-bridge-store.js';
import { fakeServer } from '../../helpers/fakeserver.js';
import { madeMark } from '../../helpers/marks.js';

it('a bridge that is stopped while its subscriber connects stops at once, and leaves no connection', async () => {
  const mute = await fakeServer(() => {});
  const connections: Connection[] = [];
  const leave = vi.fn(async () => {});
  const warn = vi.fn();
  const bridge = new Bridge({
    id: 'me',
    channel: 'news',
    marks: 'marks',
    seats: 2,
    packSize: () => 1,
    lease: 1_000,
    limits: { retain: 5_000, retainBytes: 1e6, bytes: 1e6 },
    store: fakeBridgeStore({ mark: async () => madeMark(1), leave }),
    makeSubscriber: () => {
      const connection = new Connection(`redis://${mute}`, 'subscriber', silentLogger);
      connections.push(connection);
      return connection;
    },
    onRate: () => {},
    log: { ...silentLogger, warn },
  });
  const started = bridge.start();
  await vi.waitFor(() => expect(connections).toHaveLength(1));
  const stoppedAt = performance.now();
  await bridge.stop();
  await started;
  expect(performance.now() - stoppedAt).toBeLessThan(1_000);
  expect(leave).toHaveBeenCalledWith('me');
  expect(warn).not.toHaveBeenCalled();
  expect(connections).toHaveLength(1);
});
