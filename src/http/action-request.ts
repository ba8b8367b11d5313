import { deadLetterPlaceIn } from '../core/dead-letter-id.js';
import { CgroupError } from '../core/errors.js';
import type { DeadLetterSelection } from '../observe/dead-selection.js';

/** What clients may do to a group. */
export const ACTIONS = ['retry', 'skip', 'purge', 'pause', 'resume', 'scale', 'drain', 'undrain'] as const;

export type ActionName = (typeof ACTIONS)[number];

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
  readonly autoscale: Record<string, number> | undefined;
  /** Of a host or a process; '' if the action has none. */
  readonly name: string;
}

const MOST_IDS = 500;
const LONGEST_NAME = 100;
const LONGEST_WHY = 500;
const LONGEST_TEXT = 1_000;

/**
 * Reads the body of retry, skip and purge. Nothing is guessed: what is missing, unknown or of another type is refused.
 *
 * @throws {CgroupError} SETTINGS
 */
export function letterActionIn(body: unknown): LetterAction {
  const fields = new Fields(body, ['ids', 'filter', 'through', 'dryRun', 'by', 'why']);
  const ids = fields.ids('ids');
  const given = fields.object('filter', ['reason', 'error', 'since', 'group']);
  if ((ids === undefined) === (given === undefined)) throw wrong('give either ids or filter');
  const through = fields.text('through', LONGEST_TEXT);
  if (through !== undefined && !through.replace(/,$/, '').split(',').every(deadLetterPlaceIn))
    throw wrong('through must be what the dry run replied');
  const dryRun = fields.truth('dryRun') ?? false;
  if (given && through === undefined && !dryRun)
    throw wrong('a filter needs through, as a dry run replies it: letters that died since are not meant');
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
  const fields = new Fields(body, ['revision', 'by', 'why', ...own]);
  const revision = fields.number('revision');
  if (revision === undefined)
    throw wrong('revision must be given: that of the control, as the status shows it');
  const size = fields.number('size');
  const rule = fields.object('autoscale', ['min', 'max', 'drainWithin']);
  if (action === 'scale' && (size === undefined) === (rule === undefined))
    throw wrong('give either size or autoscale');
  const name = fields.text('name', LONGEST_TEXT);
  if (own.includes('name') && !name) throw wrong('name must be that of a host or a process');
  const autoscale = rule?.numbers(['min', 'max', 'drainWithin']);
  return { revision, size, autoscale, name: name ?? '', ...askedIn(fields) };
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

  constructor(value: unknown, known: readonly string[], where = 'the body') {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw wrong(`${where} must be a JSON object`);
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

  /** Those that are given. */
  numbers(names: readonly string[]): Record<string, number> {
    return Object.fromEntries(
      names.flatMap((name) => {
        const value = this.number(name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
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
