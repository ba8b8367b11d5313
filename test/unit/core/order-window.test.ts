import { expect, it, vi } from 'vitest';
import { OrderWindow } from '../../../src/core/order-window.js';

it('lets everything begin while fewer results wait than the window holds', () => {
  const window = new OrderWindow(3, () => {});
  window.note({ parked: 2, head: '5-0', unread: false });
  expect([window.full, window.mayRead, window.mayBegin('9-0')]).toEqual([false, true, true]);
});

it('while it is full, lets only what the order waits for begin, and reads nothing', () => {
  const window = new OrderWindow(3, () => {});
  window.note({ parked: 3, head: '5-10', unread: false });
  expect(['5-9', '5-10', '5-11', '6-0'].map((id) => window.mayBegin(id))).toEqual([true, true, false, false]);
  expect(window.mayRead).toBe(false);
});

it('reads while it is full if what the order waits for has to be read', () => {
  const window = new OrderWindow(3, () => {});
  window.note({ parked: 3, head: '5-10', unread: true });
  expect(window.mayRead).toBe(true);
});

it('lets nothing begin while it is full and what the order waits for is unknown', () => {
  const window = new OrderWindow(3, () => {});
  window.note({ parked: 3, head: '', unread: false });
  expect(window.mayBegin('1-0')).toBe(false);
});

it('tells with each news while it is full, also the last, that more may begin', () => {
  const moved = vi.fn();
  const window = new OrderWindow(3, moved);
  window.note({ parked: 3, head: '5-0', unread: false });
  expect(moved).not.toHaveBeenCalled();
  window.note({ parked: 3, head: '7-0', unread: false });
  window.note({ parked: 0, head: '', unread: false });
  window.note({ parked: 0, head: '', unread: false });
  expect(moved).toHaveBeenCalledTimes(2);
});
