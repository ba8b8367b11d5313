import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { untilSignal } from '../../../src/cli/signals.js';

it('two signals at once count as one; the next one ends the process, unless it is a SIGHUP', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = new Set(signals.flatMap((signal) => process.listeners(signal)));
  onTestFinished(() => {
    exit.mockRestore();
    for (const signal of signals)
      for (const listener of process.listeners(signal))
        if (!before.has(listener)) process.off(signal, listener);
  });
  const received: string[] = [];
  const ended = untilSignal((signal) => received.push(signal));
  process.emit('SIGTERM', 'SIGTERM');
  process.emit('SIGTERM', 'SIGTERM');
  await ended;
  expect(received).toEqual(['SIGTERM']);
  expect(exit).not.toHaveBeenCalled();
  await turn();
  process.emit('SIGHUP', 'SIGHUP');
  expect(exit).not.toHaveBeenCalled();
  process.emit('SIGINT', 'SIGINT');
  expect(exit).toHaveBeenCalledWith(130);
});
