import {
  type Author,
  type AutoscaleRule,
  type Control,
  type ControlChange,
  type ControlEvent,
  type ControlStore,
  checkSize,
  isNamed,
  type ProcessStatus,
} from '../core/control.js';
import { CgroupError, hasCode, SettingsError } from '../core/errors.js';
import { nearest } from '../settings/nearest.js';
import { operator } from './operator.js';

/** How a change is noted, and whether it may replace another one. */
export interface ChangeOptions {
  /** Why, for those who read the events. Default: empty. */
  readonly why?: string | undefined;
  /** The revision that the caller has seen: if another change came since, this one is refused (STALE). */
  readonly revision?: number | undefined;
}

/** What autoscaling without other bounds keeps to. */
export const DEFAULT_RULE: AutoscaleRule = { min: 1, max: 100, drainWithin: 10_000 };
/** Tries of a change of the drained names. One fails only if another change came first. */
const TRIES = 10;
/** Names in an error. */
const MOST_NAMED = 20;

/** Changes what operators want of a group, in the name of the user of this process. */
export class GroupControl {
  readonly #store: ControlStore;
  readonly #who: string | undefined;

  /** @param who changes it; the user of this process by default */
  constructor(store: ControlStore, who?: string) {
    this.#store = store;
    this.#who = who;
  }

  control(): Promise<Control> {
    return this.#store.read();
  }

  processes(): Promise<ProcessStatus[]> {
    return this.#store.processes();
  }

  events(): Promise<ControlEvent[]> {
    return this.#store.events();
  }

  async scale(to: number | Partial<AutoscaleRule>, { why, revision }: ChangeOptions = {}): Promise<Control> {
    // Not `typeof to === 'number'`: callers in JavaScript may pass a text, which is no rule.
    if (typeof to !== 'object' || to === null) {
      checkSize(to);
      return this.#store.change({ size: to }, this.#author(why), revision);
    }
    checkRule(to);
    const before = await this.#store.read();
    const given = Object.fromEntries(Object.entries(to).filter(([, value]) => value !== undefined));
    const autoscale = { ...DEFAULT_RULE, ...before.autoscale, ...given };
    return this.#store.change({ autoscale }, this.#author(why), revision ?? before.revision);
  }

  pause({ why, revision }: ChangeOptions = {}): Promise<Control> {
    return this.#store.change({ paused: true }, this.#author(why), revision);
  }

  resume({ why, revision }: ChangeOptions = {}): Promise<Control> {
    return this.#store.change({ paused: false }, this.#author(why), revision);
  }

  async drain(name: string, { why, revision }: ChangeOptions = {}): Promise<Control> {
    const processes = await this.#store.processes();
    const named = processes.filter((one) => isNamed(name, one));
    if (named.length === 0) throw unknownName(name, processes);
    if (!named.some(({ managed }) => managed))
      throw new CgroupError(
        'STATE',
        `${name} runs a fixed number of consumers, which drain does not change: stop the process, or start it with --managed`,
      );
    return this.#changeDrained(
      (drained) => [...drained.filter((other) => other !== name), name],
      why,
      revision,
    );
  }

  async undrain(name: string, { why, revision }: ChangeOptions = {}): Promise<Control> {
    const { drained, revision: now } = await this.#store.read();
    // With another revision the change itself is refused, and says why.
    if ((revision ?? now) === now && !drained.includes(name)) throw notDrained(name, drained);
    return this.#changeDrained((names) => names.filter((other) => other !== name), why, revision);
  }

  #author(why = ''): Author {
    return { who: this.#who ?? operator(), why };
  }

  /** The new list depends on the old one: another change meanwhile must not be lost. */
  async #changeDrained(
    next: (drained: readonly string[]) => readonly string[],
    why: string | undefined,
    expected: number | undefined,
  ): Promise<Control> {
    const author = this.#author(why);
    for (let left = TRIES; ; left--) {
      const { drained, revision } = await this.#store.read();
      const change: ControlChange = { drained: next(drained) };
      try {
        return await this.#store.change(change, author, expected ?? revision);
      } catch (error) {
        if (left === 1 || expected !== undefined || !hasCode(error, 'STALE')) throw error;
      }
    }
  }
}

/** A rule that names nothing, or something else, is a mistake: it must not turn autoscaling on. */
function checkRule(rule: object): void {
  const names = Object.keys(DEFAULT_RULE);
  const unknown = Object.keys(rule).filter((name) => !names.includes(name));
  const problems = unknown.map((setting) => ({
    setting,
    message: `there is no ${JSON.stringify(setting)} in a rule of autoscaling; there are ${names.join(', ')}`,
  }));
  const given = Object.values(rule).filter((value) => value !== undefined);
  if (problems.length === 0 && given.length === 0)
    problems.push({
      setting: 'autoscale',
      message: `a rule of autoscaling needs one of ${names.join(', ')}`,
    });
  if (problems.length > 0) throw new SettingsError(problems);
}

function unknownName(name: string, processes: readonly ProcessStatus[]): CgroupError {
  const managed = processes.filter((one) => one.managed);
  if (managed.length === 0)
    return new CgroupError(
      'NOT_FOUND',
      `no live host or process is named ${quoted(name)}, and no managed process runs: start one with cgroup start --managed`,
    );
  const [hosts, ids] = [[...new Set(managed.map(({ host }) => host))], managed.map(({ id }) => id)];
  const meant = nearest(name, [...hosts, ...ids]);
  return new CgroupError(
    'NOT_FOUND',
    `no live host or process is named ${quoted(name)}${meant === undefined ? '' : ` (did you mean ${meant}?)`}; ` +
      `hosts: ${listed(hosts)}; processes: ${listed(ids)}`,
  );
}

function notDrained(name: string, drained: readonly string[]): CgroupError {
  const meant = nearest(name, drained);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  const rest = drained.length === 0 ? 'nothing is drained' : `drained: ${listed(drained)}`;
  return new CgroupError('NOT_FOUND', `${quoted(name)} is not drained${hint}; ${rest}`);
}

/** A name in a sentence; an empty one would not be seen. */
function quoted(name: string): string {
  return /^\S+$/.test(name) ? name : JSON.stringify(name);
}

function listed(names: readonly string[]): string {
  const rest = names.length - MOST_NAMED;
  return `${names.slice(0, MOST_NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
