import { expect, it } from 'vitest';
import type { Service } from '../../src/core/service.js';

/** A service to be tested, and how to observe it. */
export interface ServiceUnderTest {
  readonly service: Service;
  /** How often it has begun something: rises as long as it runs. */
  readonly done: () => number;
  /** Whether something is under way at this moment. */
  readonly busy: () => boolean;
  /** Lets it run long enough to do something several times, if it runs at all. */
  readonly letRun: () => Promise<void>;
  /** Lets it run until something is under way; resolves to a function that says whether that is over. */
  readonly letBegin: () => Promise<() => boolean>;
}

/**
 * The contract of `Service`, as tests: it may be stopped before it started, while it starts, twice, and twice at the
 * same time; and when `stop` resolves, it has stopped. Call this within a `describe`.
 *
 * @param make makes a new service for each test, not started
 */
export function itKeepsTheServiceContract(make: () => ServiceUnderTest | Promise<ServiceUnderTest>): void {
  /** Nothing is under way now, and nothing begins later. */
  async function expectStopped({ done, busy, letRun }: ServiceUnderTest): Promise<void> {
    expect(busy(), 'something is under way').toBe(false);
    const before = done();
    await letRun();
    expect(done(), 'it goes on').toBe(before);
  }

  it('runs from its start to its stop', async () => {
    const under = await make();
    await under.letRun();
    expect(under.done()).toBe(0);
    await under.service.start();
    const started = under.done();
    await under.letRun();
    expect(under.done()).toBeGreaterThan(started + 1);
    await under.service.stop();
    await expectStopped(under);
  });

  it('may be stopped before it started, and does not run afterwards', async () => {
    const under = await make();
    await under.service.stop();
    // It may reject, or just return.
    await under.service.start().catch(() => {});
    await expectStopped(under);
  });

  it('may be stopped while it starts', async () => {
    const under = await make();
    const starting = under.service.start().catch(() => {});
    await under.service.stop();
    await expectStopped(under);
    await starting;
  });

  it('has stopped when stop resolves, whatever was under way', async () => {
    const under = await make();
    await under.service.start();
    const isOver = await under.letBegin();
    expect(isOver()).toBe(false);
    await under.service.stop();
    expect(isOver()).toBe(true);
    await expectStopped(under);
  });

  it('may be stopped twice, one after the other', async () => {
    const under = await make();
    await under.service.start();
    await under.service.stop();
    await under.service.stop();
    await expectStopped(under);
  });

  it('may be stopped twice at the same time, and neither stop resolves too early', async () => {
    const under = await make();
    await under.service.start();
    const isOver = await under.letBegin();
    const stop = async () => {
      await under.service.stop();
      expect(isOver()).toBe(true);
    };
    await Promise.all([stop(), stop()]);
    await expectStopped(under);
  });
}
