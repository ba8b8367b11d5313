import { expect, it } from 'vitest';
import type { Service } from '../../src/core/service.js';

/** A service to be tested, and how to observe it. */
export interface ServiceUnderTest {
  readonly service: Service;
  /** How often it has begun some work: rises while it runs. */
  readonly done: () => number;
  /** Whether some work is under way now. */
  readonly busy: () => boolean;
  /** Waits long enough for a running service to begin work several times. */
  readonly letRun: () => Promise<void>;
  /** Waits until some work is under way; resolves to a function that returns true when that work is over. */
  readonly letBegin: () => Promise<() => boolean>;
}

/**
 * Tests of the contract of `Service`: `stop` may be called before the start, during it, twice, and twice at the same
 * time; when it resolves, the service has stopped. Call this within a `describe`.
 *
 * @param make creates a new service for each test, not started
 */
export function itKeepsTheServiceContract(make: () => ServiceUnderTest | Promise<ServiceUnderTest>): void {
  /** No work is under way, and none begins later. */
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

  it('has stopped when stop resolves, even if work was under way', async () => {
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
