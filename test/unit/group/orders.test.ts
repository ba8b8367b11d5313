import { expect, it } from 'vitest';
import type { ConsumerPool } from '../../../src/group/consumer-pool.js';
import type { Reports } from '../../../src/group/events.js';
import { OrderFollower } from '../../../src/group/orders.js';
import { silentLogger } from '../../../src/log/logger.js';

it('warns of a process with another number of lanes, once while it lives', () => {
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (_fields: object, text: string) => warnings.push(text) };
  const consumers = { keep: () => {}, pause: () => {}, resume: () => {} };
  const orders = new OrderFollower({
    consumers: consumers as unknown as ConsumerPool,
    reports: {} as Reports,
    log,
  });
  const control = { paused: false } as Parameters<OrderFollower['follow']>[0]['control'];
  const beat = (otherLanes: number | undefined) =>
    orders.follow({ packSize: 1, older: false, share: undefined, healed: [], control, otherLanes });
  beat(undefined);
  expect(warnings).toEqual([]);
  beat(2);
  beat(2);
  expect(warnings).toEqual([
    'another process of this group runs with --lanes 2: messages wait in lanes that not all processes read. ' +
      'Stop it: all processes of a group need the same number',
  ]);
});
