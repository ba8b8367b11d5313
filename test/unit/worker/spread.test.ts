import { describe, expect, it } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { type ConsumerExecutor, type Executor, INTERRUPTED } from '../../../src/core/executor.js';
import { SpreadExecutor } from '../../../src/worker/spread.js';

/** An executor whose deliveries end when the test says so. */
class ManualExecutor implements Executor {
  readonly consumers = new Set<string>();
  readonly running: { readonly inboxId: string; readonly end: () => void }[] = [];
  closed = false;
  fails = false;

  async start(): Promise<void> {}

  async add(consumerId: string): Promise<ConsumerExecutor> {
    if (this.fails) throw new CgroupError('PROCESSOR', 'broken');
    this.consumers.add(consumerId);
    const closed = () => this.closed;
    return {
      depth: 1,
      get closed() {
        return closed();
      },
      execute: (delivery, onOutcome) => {
        this.running.push({
          inboxId: delivery.inboxId,
          end: () => onOutcome(delivery, { kind: 'processed', messageId: '', data: '1' }, 5),
        });
        return { interrupt: () => onOutcome(delivery, INTERRUPTED, 0) };
      },
      quiet() {},
      resume() {},
    };
  }

  remove(consumerId: string): void {
    this.consumers.delete(consumerId);
  }

  async stop(): Promise<void> {}
}

async function spreadOver(count: number) {
  const parts = Array.from({ length: count }, () => new ManualExecutor());
  const spread = new SpreadExecutor(parts);
  const executor = await spread.add('c');
  const ended: string[] = [];
  const give = (inboxId: string) =>
    executor.execute({ inboxId, message: '{}', attempt: 1 }, (delivery, outcome, busy) =>
      ended.push(`${delivery.inboxId} ${outcome.kind} ${busy}`),
    );
  const given = () => parts.map(({ running }) => running.map(({ inboxId }) => inboxId));
  return { parts, spread, executor, give, given, ended };
}

describe('a consumer with several executors', () => {
  it('gives each delivery to the executor that has the fewest', async () => {
    const { parts, give, given, ended } = await spreadOver(3);
    for (const id of ['1', '2', '3', '4']) give(id);
    expect(given()).toEqual([['1', '4'], ['2'], ['3']]);
    parts[2]?.running[0]?.end();
    give('5').interrupt('why');
    give('6');
    expect(given()).toEqual([['1', '4'], ['2'], ['3', '5', '6']]);
    expect(ended).toEqual(['3 processed 5', '5 interrupted 0']);
  });

  it('leaves out an executor that is closed, and is closed when all are', async () => {
    const { parts, executor, give, given } = await spreadOver(2);
    for (const part of parts.slice(0, 1)) part.closed = true;
    for (const id of ['1', '2']) give(id);
    expect(given()).toEqual([[], ['1', '2']]);
    expect(executor.closed).toBe(false);
    for (const part of parts) part.closed = true;
    expect(executor.closed).toBe(true);
    give('3');
    expect(given().flat()).toHaveLength(3);
  });

  it('is in none of them if one cannot take it', async () => {
    const { parts, spread } = await spreadOver(2);
    for (const part of parts.slice(1)) part.fails = true;
    await expect(spread.add('d')).rejects.toThrow('broken');
    expect(parts.map(({ consumers }) => [...consumers])).toEqual([['c'], ['c']]);
    spread.remove('c');
    expect(parts.map(({ consumers }) => [...consumers])).toEqual([[], []]);
  });
});
