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
  readonly from: string;
  readonly to: string;
}

const inDecision = (from: string, to: string): Change => ({ file: 'autoscale.ts', from, to });
const inLoad = (from: string, to: string): Change => ({ file: 'load.ts', from, to });
const inGain = (from: string, to: string): Change => ({ file: 'gain.ts', from, to });

/** The decision with one rule broken in each. The simulation must find every one of them. */
export const MUTANTS: Readonly<Record<string, Change>> = {
  'the time in which a consumer is idle counts as busy': inLoad(
    'busyMs += work.busyMs;\n      ms',
    'busyMs += length * (this.#last?.consumers ?? 1);\n      ms',
  ),
  'consumers shall be busy all the time': inDecision('const BUSY = 0.7', 'const BUSY = 1'),
  'a backlog does not count': inDecision('(1_000 * waitingOf(m)) / drainWithin', '0'),
  'messages that wait and messages in work are the same': inLoad('backlog - consumers - fixed', 'backlog'),
  'the time between messages does not count': inDecision('(speed ?? 0) * scaling', 'speed ?? 0'),
  'the scaling is learned from consumers that do not exist': inLoad(
    'const all = m.consumers + m.fixed',
    'const all = 20 + m.fixed',
  ),
  'fixed consumers are not subtracted': inDecision('Math.ceil(need) - m.fixed', 'Math.ceil(need)'),
  'arrivals are a mean over a step': inLoad("this.#mean('relayed', true)", "this.#mean('relayed', false)"),
  'the smallest difference changes the size': inDecision('const NEAR = 0.2', 'const NEAR = 0'),
  'a decrease follows the newest recommendation': inDecision('LOOK_BACK = 60_000', 'LOOK_BACK = 1_000'),
  'a decrease is not limited to half': inDecision('if (half > largest)', 'if (half > 1_000_000)'),
  'a decrease does not wait until the backlog is gone': inDecision(
    'SMALL_BACKLOG = 0.1',
    'SMALL_BACKLOG = 1',
  ),
  'a new leader decides at its first measurement': inDecision('const FIRST = 3', 'const FIRST = 0'),
  'no measurement is no load': inDecision(
    "if (!m) return this.#hold('no measurement')",
    "if (!m) return this.#decide(Math.max(1, this.#size - 1), '')",
  ),
  'a paused group is a slow one': inDecision('if (m.paused)', 'if (m.paused && !m)'),
  'more consumers always help': inGain('return this.#boundAt !== undefined;', 'return false;'),
  'an increase is not judged before the next one': inGain(
    'return this.#increase !== undefined && (',
    'return false && (',
  ),
  'consumers that are slower since an increase need more of them': inGain(
    'return this.#increase?.each;',
    'return 0;',
  ),
  'what is bound remains so': inGain('load.settling > RECOVERED', '0 > RECOVERED'),
  'the size may leave the rule': inDecision(
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
