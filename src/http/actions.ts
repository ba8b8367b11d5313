import { CgroupError } from '../core/errors.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { DeadLetters } from '../observe/dead-letters.js';
import { GroupControl } from '../observe/group-control.js';
import {
  type ActionName,
  type ControlAction,
  controlActionIn,
  type LetterAction,
  letterActionIn,
} from './action-request.js';
import { type GroupView, inspectorOf } from './view.js';

/** Who sends a request. */
export interface Client {
  readonly address: string;
  /** The user of its Basic login; '' for none. */
  readonly user: string;
}

/** Dead letters that one call changes. */
const MOST_LETTERS = 10_000;
/** Actions at a time. */
const MOST_AT_ONCE = 4;
const LONGEST_NAME = 100;
/** Ids in an error. */
const MOST_NAMED = 20;

const DONE = { retry: 'sent back', skip: 'skipped', purge: 'deleted' } as const;

/** Does what a client asks, as the commands do, and writes in the log who asked for what. */
export class Actions {
  readonly #view: GroupView;
  readonly #log: Logger;
  #underWay = 0;

  constructor(view: GroupView, log: Logger) {
    this.#view = view;
    this.#log = log;
  }

  /** Whether no further action may begin now. */
  get isFull(): boolean {
    return this.#underWay >= MOST_AT_ONCE;
  }

  /**
   * @param body as the client sent it, parsed
   * @returns what the client gets
   * @throws {CgroupError} SETTINGS for a wrong body; NOT_FOUND also if there is none of the dead letters whose ids were given; STALE, STATE; or what
   *   Redis answers
   */
  async run(action: ActionName, body: unknown, client: Client): Promise<object> {
    this.#underWay++;
    try {
      return action === 'retry' || action === 'skip' || action === 'purge'
        ? await this.#onLetters(action, letterActionIn(action, body), client)
        : await this.#onControl(action, controlActionIn(action, body), client);
    } finally {
      this.#underWay--;
    }
  }

  async #onLetters(action: keyof typeof DONE, asked: LetterAction, client: Client): Promise<object> {
    const letters = new DeadLetters(inspectorOf(this.#view));
    const { ids: given, filter, dryRun } = asked;
    const { newest } = await letters.count();
    const through = asked.through ?? newest;
    const limit = MOST_LETTERS + 1;
    const found =
      given ??
      (await letters.select({ ...filter, through, limit, halted: action === 'skip' ? true : undefined }));
    const ids = found.slice(-MOST_LETTERS);
    const left = found.length - ids.length;
    if (dryRun) {
      const { halted } = await letters.count(ids);
      return { count: ids.length, through: newest === '' ? null : newest, halted, more: left > 0 };
    }
    const changed = ids.length === 0 ? [] : await letters[action](ids);
    const who = this.#who(asked, client);
    this.#log.info(
      {
        ...auditOf(action, who, client),
        count: changed.length,
        ...(given ? { ids: given.slice(0, 20) } : { filter }),
      },
      `${plural(changed.length, 'dead letter')} ${DONE[action]} by ${who}`,
    );
    if (!given) return { done: changed.length, left };
    const notFound = given.filter((id) => !changed.includes(id));
    if (changed.length === 0) throw noneFound(action, notFound);
    return { done: changed.length, left, notFound };
  }

  async #onControl(action: ActionName, asked: ControlAction, client: Client): Promise<object> {
    const who = this.#who(asked, client);
    const control = new GroupControl(inspectorOf(this.#view).control, who);
    const { why, revision, size, autoscale, name } = asked;
    const options = { why, revision };
    const change = () => {
      if (action === 'pause') return control.pause(options);
      if (action === 'resume') return control.resume(options);
      if (action === 'drain') return control.drain(name, options);
      if (action === 'undrain') return control.undrain(name, options);
      return control.scale(size ?? autoscale ?? {}, options);
    };
    const now = await change();
    const what = { name: name === '' ? undefined : name, size, autoscale };
    this.#log.info(
      { ...auditOf(action, who, client), ...what, revision: now.revision },
      `${action} by ${who}`,
    );
    const { size: wanted = null, paused, autoscale: rule = null, drained } = now;
    return { control: { size: wanted, paused, autoscale: rule, drained, revision: now.revision } };
  }

  /** `page at web1 by ann (10.0.0.7)` */
  #who({ by }: { readonly by: string }, { address, user }: Client): string {
    const name = (by || user)
      .slice(0, LONGEST_NAME)
      .replace(/\p{C}+/gu, ' ')
      .trim();
    return `page at ${this.#view.process.host} by ${name === '' ? address : `${name} (${address})`}`;
  }
}

function noneFound(action: keyof typeof DONE, ids: readonly string[]): CgroupError {
  const more = ids.length > MOST_NAMED ? ` and ${ids.length - MOST_NAMED} more` : '';
  const named = `${ids.slice(0, MOST_NAMED).join(', ')}${more}`;
  const why =
    action === 'skip'
      ? 'no such dead letter stops an order'
      : 'there is no such dead letter (any more): it may have been sent back or deleted';
  return new CgroupError('NOT_FOUND', `${named}: ${why}`);
}

function auditOf(action: ActionName, who: string, { address }: Client) {
  return { action, who, client: address };
}
