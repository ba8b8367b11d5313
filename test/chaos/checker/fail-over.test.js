import { describe, expect, it } from 'vitest';
import { backAfter, checkSettled, takenByMaster } from './fail-over.js';
import { Findings } from './findings.js';

describe('what counts as published', () => {
  const look = (began, address) => ({ began, ended: began + 10, address });
  const at = (time) => ({ receivers: 3, redisBefore: time, redisAfter: time + 5 });
  const taken = (looks, time) => takenByMaster([at(time)], looks)[0].receivers;

  it.each([
    ['one master before and after', [look(0, 1), look(100, 1)], 3],
    ['another one after', [look(0, 1), look(100, 2)], undefined],
    ['none before', [look(0, undefined), look(100, 1)], undefined],
    ['no look before', [look(45, 1), look(100, 1)], undefined],
    ['no look after', [look(0, 1)], undefined],
    ['a look that began before and ended after', [look(0, 1), look(48, 1)], undefined],
  ])('%s', (_, looks, receivers) => {
    expect(taken(looks, 50)).toBe(receivers);
  });

  it('is all that one server has taken', () => {
    expect(taken(undefined, 50)).toBe(3);
  });

  it('is nothing without its time', () => {
    const unknown = { receivers: 3, redisBefore: undefined, redisAfter: undefined };
    expect(takenByMaster([unknown], [look(0, 1), look(100, 1)])[0].receivers).toBeUndefined();
  });
});

describe('back at work', () => {
  const output = ['100-0', '250-3', '900-0'].map((id) => ({ id }));

  it.each([
    ['no promotion', [], undefined],
    ['one', [{ at: 200 }], 50],
    ['the longest of two', [{ at: 200 }, { at: 300 }], 600],
    ['no result after it', [{ at: 901 }], undefined],
  ])('%s', (_, promotions, ms) => {
    expect(backAfter(promotions, output)).toBe(ms);
  });
});

describe('what was reported as settled', () => {
  const output = [{ id: '100-0', inboxId: '90-1' }];
  const promotions = [{ at: 600, named: 500 }];
  const found = (report, waits = {}) => {
    const findings = new Findings();
    const evidence = { settled: [report], output, promotions, minReplicas: 1, replicas: 1, ...waits };
    return [checkSettled(evidence, findings), findings.list().map(({ name }) => name)];
  };

  it.each([
    ['was written before', { inboxId: '90-1', at: 100 }, {}, [0, []]],
    ['was made again', { inboxId: '90-1', at: 99 }, {}, [1, ['settled, then lost']]],
    ['had to wait for others', { inboxId: '90-1', at: 99 }, { order: 'total' }, [0, []]],
    ['is not there', { inboxId: '90-2', at: 100 }, {}, [1, ['settled, then lost']]],
    ['was never there', { inboxId: '90-2', at: 700 }, {}, [1, ['reported as settled, never written']]],
    ['and not waited for', { inboxId: '90-2', at: 100 }, { minReplicas: 0 }, [1, []]],
    ['and not on all replicas', { inboxId: '90-2', at: 100 }, { replicas: 2 }, [1, []]],
  ])('%s', (_, report, waits, expected) => {
    expect(found(report, waits)).toEqual(expected);
  });
});
