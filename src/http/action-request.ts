import type { AutoscaleRule } from '../core/control.js';
import { deadLetterPlaceIn } from '../core/dead-letter-id.js';
import { CgroupError } from '../core/errors.js';
import { MOST_LANES } from '../core/lanes.js';
import type { DeadLetterSelection } from '../observe/dead-selection.js';
import { DURATION, parseDuration } from '../settings/durations.js';

/** What clients may do to a group. */
export const ACTIONS = ['retry', 'skip', 'purge', 'pause', 'resume', 'scale', 'drain', 'undrain'] as const;

export type ActionName = (typeof ACTIONS)[number];

/** What a client may send: errors show it. */
const EXAMPLES: Readonly<Record<ActionName, string>> = {
  retry: '{"ids": ["1795251095809-0"]}',
  skip: '{"ids": ["1795251095809-0"]}',
  purge: '{"ids": ["1795251095809-0"]}',
  pause: '{"revision": 4, "why": "database upgrade"}',
  resume: '{"revision": 4}',
  scale: '{"revision": 4, "size": 20}',
  drain: '{"revision": 4, "name": "web1"}',
  undrain: '{"revision": 4, "name": "web1"}',
};

/** What the body of an action must be, for errors. */
export function bodyRule(action: string | undefined): string {
  const name = ACTIONS.find((one) => one === action);
  return `a JSON object${name ? ` such as ${EXAMPLES[name]}` : ''}`;
}

/** Who asks, and why. */
interface Asked {
  /** The name that the client gives of its user; '' for none. */
  readonly by: string;
  readonly why: string;
}

/** Dead letters: some by their ids, or those that a filter means. */
export interface LetterAction extends Asked {
  readonly ids: readonly string[] | undefined;
  readonly filter: DeadLetterSelection | undefined;
  /** Of those that a filter means, the ones that were there at a dry run. */
  readonly through: string | undefined;
  /** Whether only to say what would be done. */
  readonly dryRun: boolean;
}

/** A change of the control; refused if another change came since the revision. */
export interface ControlAction extends Asked {
  readonly revision: number;
  readonly size: number | undefined;
  /** What of the rule is to change; `drainWithin` in ms. */
  readonly autoscale: Partial<AutoscaleRule> | undefined;
  /** Of a host or a process; '' if the action has none. */
  readonly name: string;
}

const MOST_IDS = 500;
const LONGEST_NAME = 100;
const LONGEST_WHY = 500;
const LONGEST_TEXT = 1_000;
/** The id of the newest dead letter of each lane, with commas. */
const LONGEST_THROUGH = (MOST_LANES + 1) * 48;

/**
 * Reads the body of retry, skip and purge. Nothing is guessed: what is missing, unknown or of another type is refused.
 *
 * @throws {CgroupError} SETTINGS
 */
export function letterActionIn(action: ActionName, body: unknown): LetterAction {
  const fields = fieldsOf(action, body, ['ids', 'filter', 'through', 'dryRun', 'by', 'why']);
  const ids = fields.ids('ids');
  const given = fields.object('filter', ['reason', 'error', 'since', 'group']);
  if ((ids === undefined) === (given === undefined)) throw wrong('give either ids or filter');
  const through = fields.text('through', LONGEST_THROUGH);
  if (through !== undefined && !through.replace(/,$/, '').split(',').every(deadLetterPlaceIn))
    throw wrong('through must be what the dry run replied');
  const dryRun = fields.truth('dryRun') ?? false;
  if (given && through === undefined && !dryRun)
    throw wrong('a filter needs through, as a dry run replies it: dead letters that came since are left out');
  const filter = given && {
    reason: given.text('reason', LONGEST_TEXT),
    error: given.text('error', LONGEST_TEXT),
    since: given.text('since', LONGEST_TEXT),
    group: given.text('group', LONGEST_TEXT),
  };
  return { ids, filter, through, dryRun, ...askedIn(fields) };
}

/**
 * Reads the body of the other actions.
 *
 * @throws {CgroupError} SETTINGS
 */
export function controlActionIn(action: ActionName, body: unknown): ControlAction {
  const own = action === 'scale' ? ['size', 'autoscale'] : action.endsWith('drain') ? ['name'] : [];
  const fields = fieldsOf(action, body, ['revision', 'by', 'why', ...own]);
  const revision = fields.number('revision');
  if (revision === undefined)
    throw wrong('revision must be given: that of the control, as the status shows it');
  const size = fields.number('size');
  const rule = fields.object('autoscale', ['min', 'max', 'drainWithin']);
  if (action === 'scale' && (size === undefined) === (rule === undefined))
    throw wrong('give either size or autoscale');
  const name = fields.text('name', LONGEST_TEXT);
  if (own.includes('name') && !name) throw wrong('name must be that of a host or a process');
  return { revision, size, autoscale: rule && ruleIn(rule), name: name ?? '', ...askedIn(fields) };
}

/** What of a rule is given. */
function ruleIn(fields: Fields): Partial<AutoscaleRule> {
  const [min, max, drainWithin] = [
    fields.number('min'),
    fields.number('max'),
    fields.duration('drainWithin'),
  ];
  return {
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
    ...(drainWithin !== undefined && { drainWithin }),
  };
}

function fieldsOf(action: ActionName, body: unknown, known: readonly string[]): Fields {
  return new Fields(body, known, 'the body', bodyRule(action));
}

function askedIn(fields: Fields): Asked {
  return { by: fields.text('by', LONGEST_NAME) ?? '', why: fields.text('why', LONGEST_WHY) ?? '' };
}

function wrong(message: string): CgroupError {
  return new CgroupError('SETTINGS', message);
}

/** The members of an object that a client sent. */
class Fields {
  readonly #values: ReadonlyMap<string, unknown>;

  /** @param rule what it must be, for the error */
  constructor(value: unknown, known: readonly string[], where: string, rule = 'a JSON object') {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw wrong(`${where} must be ${rule}`);
    this.#values = new Map(Object.entries(value));
    const unknown = [...this.#values.keys()].find((name) => !known.includes(name));
    if (unknown !== undefined)
      throw wrong(`unknown field ${JSON.stringify(unknown.slice(0, 50))}; there are ${known.join(', ')}`);
  }

  text(name: string, longest: number): string | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || value.length > longest)
      throw wrong(`${name} must be a text of at most ${longest} characters`);
    return value;
  }

  number(name: string): number | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    if (!Number.isSafeInteger(value) || Number(value) < 0)
      throw wrong(`${name} must be a whole number from 0 on`);
    return Number(value);
  }

  /** In ms. A client may give them as a number, or as a setting is written: `10s`. */
  duration(name: string): number | undefined {
    const value = this.#values.get(name);
    if (typeof value === 'string' && DURATION.test(value)) return parseDuration(value);
    if (value === undefined || typeof value === 'number') return this.number(name);
    throw wrong(`${name} must be a duration such as 500ms, 10s or 2m, or a whole number of milliseconds`);
  }

  truth(name: string): boolean | undefined {
    const value = this.#values.get(name);
    if (value === undefined || typeof value === 'boolean') return value;
    throw wrong(`${name} must be true or false`);
  }

  object(name: string, known: readonly string[]): Fields | undefined {
    const value = this.#values.get(name);
    return value === undefined ? undefined : new Fields(value, known, name);
  }

  ids(name: string): string[] | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    const isRight =
      Array.isArray(value) &&
      value.length > 0 &&
      value.length <= MOST_IDS &&
      value.every((id) => typeof id === 'string' && deadLetterPlaceIn(id) !== undefined);
    if (!isRight) throw wrong(`${name} must be 1 to ${MOST_IDS} ids of dead letters`);
    return value as string[];
  }
}
