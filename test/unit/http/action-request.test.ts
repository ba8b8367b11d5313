import { describe, expect, it } from 'vitest';
import { ACTIONS, controlActionIn, letterActionIn } from '../../../src/http/action-request.js';

describe('the rule of autoscaling in a request', () => {
  const ruleIn = (autoscale: unknown) => controlActionIn('scale', { revision: 1, autoscale }).autoscale;
  it.each([
    [{ drainWithin: '10s' }, { drainWithin: 10_000 }],
    [{ drainWithin: '1.5m' }, { drainWithin: 90_000 }],
    [{ drainWithin: 250 }, { drainWithin: 250 }],
    [
      { min: 2, max: 9 },
      { min: 2, max: 9 },
    ],
    [{}, {}],
  ])('%j', (given, rule) => expect(ruleIn(given)).toEqual(rule));
  it.each(['10', '10 s', 's', '', '-1s', '1d', true, null, ['10s']])('no duration: %j', (drainWithin) =>
    expect(() => ruleIn({ drainWithin })).toThrow(
      'drainWithin must be a duration such as 500ms, 10s or 2m, or a whole number of milliseconds',
    ),
  );
});

describe('a body that is no object', () => {
  it.each(ACTIONS)('%s: the error shows one that is taken', (action) => {
    const read = ['retry', 'skip', 'purge'].includes(action)
      ? (body: unknown) => letterActionIn(action, body)
      : (body: unknown) => controlActionIn(action, body);
    const shown = /^the body must be a JSON object such as (\{.+\})$/;
    let message = '';
    try {
      read([]);
    } catch (error) {
      message = String((error as Error).message);
    }
    expect(message).toMatch(shown);
    expect(() => read(JSON.parse(shown.exec(message)?.[1] ?? ''))).not.toThrow();
  });
});
