import { expect, it, onTestFinished } from 'vitest';
import { type ConsumerExecutor, type Executor, INTERRUPTED } from '../../../src/core/executor.js';
import { silentLogger } from '../../../src/log/logger.js';
import { Link } from '../../../src/worker/link.js';
import { FakeGroup } from '../../helpers/fake-group.js';
import { until } from '../../helpers/until.js';

type Execute = ConsumerExecutor['execute'];

/** An executor whose consumers are there when the test says so. */
class SlowExecutor implements Executor {
  readonly adding = new Map<string, () => void>();
  readonly removed: string[] = [];
  /** Which consumers got deliveries. */
  readonly used: string[] = [];
  execute: Execute = (delivery, onOutcome) => {
    onOutcome(delivery, { kind: 'processed', messageId: 'm', data: '1' }, 0);
    return { interrupt() {} };
  };

  async start(): Promise<void> {}
  add(consumerId: string): Promise<ConsumerExecutor> {
    const execute: Execute = (delivery, onOutcome) => {
      this.used.push(consumerId);
      return this.execute(delivery, onOutcome);
    };
    const executor = { depth: 1, closed: false, execute, quiet() {}, resume() {} };
    return new Promise((done) => this.adding.set(consumerId, () => done(executor)));
  }
  remove(consumerId: string): void {
    this.removed.push(consumerId);
  }
  async stop(): Promise<void> {}

  async added(consumerId: string): Promise<void> {
    (await until(() => this.adding.get(consumerId)))();
  }
}

async function linked() {
  const group = await FakeGroup.open();
  const executor = new SlowExecutor();
  const connected: string[] = [];
  const link = new Link({
    url: group.url,
    token: undefined,
    name: 'w',
    concurrency: 1,
    executor,
    log: silentLogger,
    onConnected: ({ consumerId }) => connected.push(consumerId),
    onDisconnected: () => {},
  });
  link.start();
  onTestFinished(() => link.stop(AbortSignal.abort()));
  return { group, executor, connected };
}

it('works as the consumer of its last connection, whichever is made first', async () => {
  const { group, executor, connected } = await linked();
  const first = await group.connection();
  await until(() => executor.adding.has('fake-1'));
  first.ws.terminate();
  const second = await group.connection(1);
  await executor.added('fake-2');
  await until(() => connected.length > 0);
  await executor.added('fake-1');
  await until(() => executor.removed.length > 0);
  second.give('p/1', { message_id: 'm' }, { consumerId: 'fake-2' });
  await until(() => 'p/1' in second.answers);
  expect(executor.used).toEqual(['fake-2']);
  expect(executor.removed).toEqual(['fake-1']);
  expect(connected).toEqual(['fake-2']);
});

it('says quiet before it hands back what its processor cannot do for now', async () => {
  const { group, executor } = await linked();
  executor.execute = (delivery, onOutcome) => {
    onOutcome(delivery, INTERRUPTED, 0);
    return { interrupt() {} };
  };
  const connection = await group.connection();
  await executor.added('fake-1');
  connection.give('p/1', { message_id: 'm' });
  await until(() => connection.closed);
  expect(connection.closed?.code).toBe(1000);
  expect(connection.received.map(({ kind }) => kind)).toEqual(['hello', 'quiet']);
});
