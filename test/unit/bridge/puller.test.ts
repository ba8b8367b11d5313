import { describe, expect, it } from 'vitest';
import { Puller } from '../../../src/bridge/puller.js';
import { CgroupError } from '../../../src/core/errors.js';
import type { Pulled, SourceStore } from '../../../src/core/source.js';
import { silentLogger } from '../../../src/log/logger.js';
import { until } from '../../helpers/until.js';

type Reply = Pulled | Error;
const took = (messages: number, next: Pulled['next']): Pulled => ({ messages, next });

/** A puller on a store that gives these replies in turn, then none: its waits end when `wake` is called. */
function pullerOn(...replies: Reply[]) {
  const calls: string[] = [];
  let wake: (found: boolean) => void = () => {};
  const store: SourceStore = {
    pull: async (packSize) => {
      calls.push(`pull ${packSize}`);
      const reply = replies.shift() ?? took(0, 'wait');
      if (reply instanceof Error) throw reply;
      return reply;
    },
    wait: () => {
      calls.push('wait');
      return new Promise((done) => {
        wake = done;
      });
    },
  };
  const puller = new Puller({
    source: { kind: 'list', name: 'orders', from: 'left' },
    store,
    endWait: () => {
      calls.push('end');
      wake(false);
    },
    packSize: () => 250,
    log: silentLogger,
  });
  return { puller, calls, wake: (found: boolean) => wake(found) };
}

describe('a puller', () => {
  it('pulls until nothing is left, then waits, and pulls again when there is a message', async () => {
    const { puller, calls, wake } = pullerOn(took(1_000, 'more'), took(7, 'wait'), took(1, 'wait'));
    await puller.start();
    await until(() => calls.at(-1) === 'wait');
    expect(calls).toEqual(['pull 250', 'pull 250', 'wait']);
    wake(true);
    await until(() => calls.length === 5);
    expect(calls.slice(3)).toEqual(['pull 250', 'wait']);
    await puller.stop();
    expect(calls.at(-1)).toBe('end');
  });

  it('does not wait for a message while the backlog is full', async () => {
    const { puller, calls } = pullerOn(took(5, 'full'), took(0, 'full'), took(5, 'wait'));
    await puller.start();
    await until(() => calls.includes('wait'));
    expect(calls).toEqual(['pull 250', 'pull 250', 'pull 250', 'wait']);
    await puller.stop();
  });

  it('reads again, without a wait for a message, if another process took what it read', async () => {
    const { puller, calls } = pullerOn(took(0, 'changed'), took(0, 'changed'), took(5, 'wait'));
    await puller.start();
    await until(() => calls.includes('wait'));
    expect(calls).toEqual(['pull 250', 'pull 250', 'pull 250', 'wait']);
    await puller.stop();
  });

  it('does not start if the source is of another type, or a right is missing', async () => {
    for (const code of ['KEY_TYPE', 'REDIS_AUTH'] as const) {
      const { puller } = pullerOn(new CgroupError(code, 'refused'));
      await expect(puller.start()).rejects.toMatchObject({ code });
      await puller.stop();
    }
  });

  it('tries again after an error, and knows for how long nothing could be taken', async () => {
    const { puller, calls } = pullerOn(new CgroupError('OUTCOME_UNKNOWN', 'away'), took(3, 'wait'));
    const started = puller.start();
    await until(() => puller.failingFor > 0);
    await started;
    expect(puller.failingFor).toBe(0);
    await until(() => calls.includes('wait'));
    await puller.stop();
  });

  it('hands on a gap', async () => {
    const gap = { reason: 'trimmed', since: 1, dropped: 2 };
    const { puller } = pullerOn({ ...took(1, 'wait'), gap });
    const gaps: unknown[] = [];
    puller.on('gap', (one) => gaps.push(one));
    await puller.start();
    expect(gaps).toEqual([gap]);
    await puller.stop();
  });

  it('may be stopped before it starts, twice, and while it waits after an error', async () => {
    const idle = pullerOn();
    await idle.puller.stop();
    await idle.puller.start();
    expect(idle.calls).toEqual(['end']);
    const failing = pullerOn(new Error('one'), new Error('two'), new Error('three'));
    const started = failing.puller.start();
    await Promise.all([failing.puller.stop(), failing.puller.stop()]);
    await started;
    expect(failing.calls.filter((one) => one.startsWith('pull')).length).toBeLessThan(3);
  });
});
