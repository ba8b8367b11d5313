import { until } from '../until.js';

/**
 * One way to break things.
 *
 * @typedef {object} Fault
 * @property {string} name
 * @property {string} family
 * @property {boolean} [long] it takes minutes, and is not part of `all`
 * @property {('one' | 'sentinel' | 'cluster')[]} [on] the places where it can strike; one only
 * @property {string} line what it does and how, for `--list`
 * @property {'none' | 'one' | 'all'} cuts how many of the bridges lose their subscription. With none or one, nothing
 *   may be lost; with all, messages may be lost in a recorded gap only
 * @property {{ of: 'relayed' | 'processed', within: number, after: 'strike' | 'heal' }} outage what may stand still,
 *   and for how many ms, from the strike or from the end of the fault
 * @property {{ rate?: number, ones?: boolean, redis?: object, args?: string[], workers?: StartWorkers }} [needs] what it
 *   needs of the stage; `ones`: messages do not come in packs, because they are rare or their processor is slow
 * @property {boolean} [strays] it takes entries from consumers that hold them
 * @property {boolean} [proxies] it changes what proxies do: only one such fault at a time
 * @property {() => string | undefined} [impossible] why this machine cannot do it
 * @property {(stage: import('../stage.js').Stage, random: import('../random.js').Random) =>
 *   Promise<{ proof: string, outage?: number }>} strike does it and proves that it happened
 */

/**
 * Prepares what processes the messages instead of the processes of the group. `argsOf` gives the arguments of a process,
 * `join` starts the workers.
 *
 * @typedef {(tools: { dir: string, leash: import('../leash.js').Leash, bridges: number }) =>
 *   Promise<import('../workers/fleet.js').Fleet | import('../workers/service.js').Service>} StartWorkers
 */

/** The fault did not happen: the round proves nothing about the product. */
export class NotProven extends Error {}

/** Asserts that the fault happened. */
export function prove(condition, what) {
  if (!condition) throw new NotProven(`the fault did not happen: not ${what}`);
}

/** Waits until the fault has happened. */
export async function proveSoon(condition, what, timeout = 10_000) {
  try {
    return await until(condition, { what, timeout });
  } catch (error) {
    throw new NotProven(`the fault did not happen: ${error.message}`);
  }
}

/** Faults that need neither a Redis of their own nor a proxy in front of it. */
export const EVERYWHERE = /** @type {('one' | 'sentinel' | 'cluster')[]} */ (['one', 'sentinel', 'cluster']);

/** Promises of the product, as `outage`. */
export const RELAYS_AGAIN = { of: 'relayed', within: 1_500, after: 'strike' };
export const TAKEN_OVER = { of: 'processed', within: 5_000, after: 'strike' };
export const AFTER_REDIS = { of: 'processed', within: 3_000, after: 'heal' };
