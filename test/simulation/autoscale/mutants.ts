import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import type { Autoscaler } from '../../../src/control/autoscale.js';
import type { MakeScaler } from './group.js';

const SOURCE = new URL('../../../src/control/', import.meta.url);

/** Text of a file of src/control that is there once, and what stands there instead. */
export interface Change {
  readonly file: string;
  /** The family of scenarios in which the difference shows. */
  readonly shownBy: string;
  readonly from: string;
  readonly to: string;
}

const changeOf =
  (file: string) =>
  (shownBy: string, from: string, to: string): Change => ({ file, shownBy, from, to });
const inDecision = changeOf('autoscale.ts');
const inLoad = changeOf('load.ts');
const inGain = changeOf('gain.ts');

/** The decision with one rule broken in each. The simulation must find every one of them. */
export const MUTANTS: Readonly<Record<string, Change>> = {
  'the time in which a consumer is idle counts as busy': inLoad(
    'a step down is followed after a minute, by halves',
    'busyMs += work.busyMs;\n      ms',
    'busyMs += length * (this.#last?.consumers ?? 1);\n      ms',
  ),
  'consumers shall be busy all the time': inDecision(
    'after a step up the size is right within 10 s and three decisions, and the backlog goes',
    'const BUSY = 0.7',
    'const BUSY = 1',
  ),
  'a backlog does not count': inDecision(
    'a large backlog is gone in time',
    '(1_000 * waitingOf(m)) / drainWithin',
    '0',
  ),
  'messages that wait and messages in work are the same': inLoad(
    'slow work needs no more consumers than there is work',
    'backlog - consumers - fixed',
    'backlog',
  ),
  'the time between messages does not count': inDecision(
    'consumers that lose time between messages are counted as they are',
    '(speed ?? 0) * scaling',
    'speed ?? 0',
  ),
  'the scaling is learned from consumers that do not exist': inLoad(
    'a large backlog is gone in time',
    'consumers: m.consumers + m.fixed,',
    'consumers: m.capacity + m.fixed,',
  ),
  'fixed consumers are not subtracted': inDecision(
    'fixed consumers are subtracted',
    'Math.ceil(need) - m.fixed',
    'Math.ceil(need)',
  ),
  'arrivals are a mean over a step': inLoad(
    'after a step up the size is right within 10 s and three decisions, and the backlog goes',
    "this.#mean('relayed', true)",
    "this.#mean('relayed', false)",
  ),
  'the smallest difference changes the size': inDecision(
    'a steady load with noise has no reversal in ten minutes',
    'const NEAR = 0.2',
    'const NEAR = 0',
  ),
  'a decrease follows the newest recommendation': inDecision(
    'a steady load with noise has no reversal in ten minutes',
    'LOOK_BACK = 60_000',
    'LOOK_BACK = 1_000',
  ),
  'a decrease is not limited to half': inDecision(
    'a step down is followed after a minute, by halves',
    'if (half > largest)',
    'if (half > 1_000_000)',
  ),
  'a decrease does not wait until the backlog is gone': inDecision(
    'a large backlog is gone in time',
    'SMALL_BACKLOG = 0.1',
    'SMALL_BACKLOG = 1',
  ),
  'the first measurement decides': inDecision(
    'a steady load with noise has no reversal in ten minutes',
    'const FIRST = 3',
    'const FIRST = 0',
  ),
  'no measurement is no load': inDecision(
    'a steady load has no reversal where a third of the measurements is lost',
    "if (!m) return this.#hold('no measurement')",
    "if (!m) return this.#decide(Math.max(1, this.#size - 1), '')",
  ),
  'a paused group is a slow one': inDecision(
    'a paused group keeps its size, and works off what came meanwhile',
    'if (m.paused)',
    'if (m.paused && !m)',
  ),
  'more consumers always help': inGain(
    'what is bound downstream does not run away, and says so',
    'return this.#boundAt !== undefined;',
    'return false;',
  ),
  'an increase is not judged before the next one': inGain(
    'what is bound downstream does not run away, and says so',
    'return this.#increase !== undefined && (',
    'return false && (',
  ),
  'consumers that are slower since an increase need more of them': inGain(
    'what is bound downstream does not run away, and says so',
    'return this.#increase?.each;',
    'return 0;',
  ),
  'what is bound remains so': inGain(
    'what was bound downstream goes on when that recovers',
    'load.settling > RECOVERED',
    '0 > RECOVERED',
  ),
  'the size may leave the rule': inDecision(
    'the size stays within the rule',
    'return Math.max(1, this.#rule.min, Math.min(this.#rule.max, size));',
    'return Math.max(0, size);',
  ),
};

/** The autoscaler with a change in its text. */
export async function makeMutant(change: Change): Promise<MakeScaler> {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-mutant-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    for (const file of readdirSync(SOURCE).filter((name) => name.endsWith('.ts'))) {
      const text = readFileSync(new URL(file, SOURCE), 'utf8');
      if (file === change.file && text.split(change.from).length !== 2)
        throw new Error(`${file} has this not once: ${change.from}`);
      const changed = file === change.file ? text.replace(change.from, () => change.to) : text;
      const { outputText } = ts.transpileModule(changed, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      writeFileSync(join(folder, file.replace(/\.ts$/, '.js')), outputText);
    }
    const { href } = pathToFileURL(join(folder, 'autoscale.js'));
    const module: { readonly Autoscaler: typeof Autoscaler } = await import(/* @vite-ignore */ href);
    return (rule, size) => new module.Autoscaler(rule, size);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
