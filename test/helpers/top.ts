import { drawing } from '../../src/cli/top/frame.js';
import { TopHistory, type TopView } from '../../src/cli/top/history.js';
import type { Line, Size } from '../../src/cli/top/line.js';
import { FIRST_STATE, type Intent, press, type Step, type TopState } from '../../src/cli/top/state.js';
import type { ShownDeadLetter } from '../../src/observe/dead-letters.js';
import type { GroupStatus } from '../../src/observe/status.js';
import { groupStatus } from './status.js';

/** A consumer of the process `web-1-abc`. */
export function topConsumer(n: number, pending: number, processed: number) {
  return { id: `web-1-abc-${n}`, host: 'web', pid: 4711, pending, processed, process: 'web-1-abc' };
}

/** A group with something of everything. */
export function topStatus(more: Partial<GroupStatus> = {}, processed = 1_000): GroupStatus {
  const { counters, ...rest } = groupStatus();
  return {
    ...rest,
    bridges: [
      { id: 'b1', leads: true },
      { id: 'b2', leads: false },
    ],
    consumers: [topConsumer(1, 3, processed)],
    waiting: 7,
    pending: 3,
    retrying: 2,
    backlog: 12,
    lagMs: 1_500,
    retries: { ageMs: 60_000, dueMs: 200 },
    deadLetters: 3,
    counters: { ...counters, relayed: 12_345, processed, failed: 9, retried: 8, dead: 4, gaps: 1, purged: 1 },
    gaps: [{ from: '2026-11-21T11:00:00.000Z', to: '2026-11-21T11:00:02.000Z', reason: 'no bridge' }],
    ...more,
  };
}

/** A dead letter; those with a lower number are newer. */
export function topLetter(n: number, more: Partial<ShownDeadLetter> = {}): ShownDeadLetter {
  return {
    id: `${1795251095809 - n}-0`,
    time: new Date(Date.parse('2026-11-21T12:00:00.000Z') - n * 60_000).toISOString(),
    reason: 'failed',
    error: 'no such order',
    attempts: 5,
    consumer_id: 'web-1-abc-1',
    inbox_id: '1-1',
    message: '{"message_id":"m-1"}',
    ...more,
  };
}

/** What top knows after these readings, one a second. */
export function topView(
  readings: readonly GroupStatus[],
  letters: readonly ShownDeadLetter[] = [topLetter(0)],
): TopView {
  const history = new TopHistory(1_000, 0);
  for (const [i, reading] of readings.entries()) history.add(reading, letters, i * 1_000);
  return history.view((readings.length - 1) * 1_000);
}

export function topText(lines: readonly Line[]): string {
  return lines.map((line) => line.text).join('\n');
}

/** A user before a screen: presses keys, and sees what is drawn. */
export class TopUser {
  view: TopView;
  size: Size;
  state: TopState = FIRST_STATE;
  /** What the last key wants to be done. */
  effect: Step['effect'];

  constructor(view: TopView, size: Size = { width: 100, height: 30 }) {
    this.view = view;
    this.size = size;
  }

  get lines(): readonly Line[] {
    const { lines, state } = drawing(this.view, this.size, this.state, true);
    this.state = state;
    return lines;
  }

  get text(): string {
    return topText(this.lines);
  }

  /** The line with the mark, without it. */
  get marked(): string | undefined {
    return this.lines.find(({ text }) => text.startsWith('› '))?.text.slice(2);
  }

  get footer(): string | undefined {
    return this.lines.at(-1)?.text;
  }

  press(...intents: readonly (Intent | undefined)[]): this {
    for (const intent of intents) {
      const { state, shown } = drawing(this.view, this.size, this.state, true);
      const step = press(state, intent, shown);
      this.state = step.state;
      this.effect = step.effect;
    }
    return this;
  }
}
