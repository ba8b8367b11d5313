import { createHmac } from 'node:crypto';
import type { MadeMark } from '../../src/core/bridge-store.js';

/** A secret of a group's marks. */
export const SECRET = '0123456789abcdef'.repeat(4);

/** A mark as `mark.lua` publishes it. */
export function markText(number: number | string, secret = SECRET, server?: string): string {
  const tail = server === undefined ? '' : ` ${server}`;
  return `${number} ${createHmac('sha1', secret).update(`${number}${tail}`).digest('hex')}${tail}`;
}

/** The reply to a mark of the only bridge of a new group. */
export function madeMark(mark: number, changes: Partial<MadeMark> = {}): MadeMark {
  const lease = { token: 0, beat: 0, holder: '', relayed: undefined };
  return { mark, secret: SECRET, clock: 1_000, bridges: 1, lease, healed: [], ...changes };
}
