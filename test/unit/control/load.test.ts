import { describe, expect, it } from 'vitest';
import { LoadHistory } from '../../../src/control/load.js';
import { Numbers } from './numbers.js';

function historyOf(...spans: [seconds: number, each: Parameters<Numbers['next']>[0]][]): LoadHistory {
  const [load, numbers] = [new LoadHistory(), new Numbers()];
  for (const [seconds, each] of spans) for (let i = 0; i < seconds; i++) load.add(numbers.next(each));
  return load;
}

const quiet = { relayed: 100, settled: 100, consumers: 10 };

describe('messages that come in', () => {
  it('are those of the time since a step', () => {
    expect(historyOf([20, quiet], [1, { ...quiet, relayed: 300 }]).arrivals).toBe(300);
  });

  it('are a mean of ten seconds if they differ by chance', () => {
    const noisy = [90, 110, 95, 105, 100].map((relayed): [number, typeof quiet] => [
      1,
      { ...quiet, relayed },
    ]);
    expect(historyOf([30, quiet], ...noisy).arrivals).toBe(100);
  });
});

describe('the scaling', () => {
  // Ten consumers could settle 500 a second.
  const half = { relayed: 1_000, settled: 250, consumers: 10 };

  it('is what consumers reach while messages wait', () => {
    expect(historyOf([8, half]).scaling).toBeCloseTo(0.5);
  });

  it('is not learned from seconds in which too few messages waited', () => {
    expect(historyOf([8, { ...half, relayed: 260 }]).scaling).toBe(1);
  });

  it('is not learned while consumers come', () => {
    const more = [11, 12, 13, 14, 15, 16].map((consumers): [number, typeof half] => [
      1,
      { ...half, consumers },
    ]);
    expect(historyOf(...more).scaling).toBe(1);
  });

  it('is at least a tenth', () => {
    expect(historyOf([8, { ...half, settled: 1 }]).scaling).toBe(0.1);
  });

  it('is forgotten slowly when no message waits', () => {
    const drained: [number, typeof half] = [1, { relayed: 0, settled: 6_000, consumers: 10 }];
    expect(historyOf([8, half], drained, [60, quiet]).scaling).toBeLessThan(0.55);
    expect(historyOf([8, half], drained, [3_600, quiet]).scaling).toBeGreaterThan(0.9);
  });
});
