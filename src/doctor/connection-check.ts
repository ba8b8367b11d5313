import type { CgroupError } from '../core/errors.js';
import { type Finding, redis } from '../core/finding.js';
import { refusedAs } from '../redis/protocol/connection.js';
import type { AclLine } from './acl-line.js';

/** A Redis that does not answer, or not to this user; undefined for an error of another kind. */
export function connectionOf(error: CgroupError, acl: AclLine): Finding | undefined {
  const found = { check: 'connection', status: 'mend', what: error.message } as const;
  switch (error.code) {
    case 'REDIS_UNREACHABLE':
    case 'OUTCOME_UNKNOWN':
      return {
        ...found,
        why: 'without Redis nothing is relayed or processed, and nothing else can be checked',
        fixes: [redis('PING')],
      };
    case 'REDIS_AUTH':
      return {
        ...found,
        why: 'nothing else can be checked',
        // Whether the user is there, or has another password, Redis tells nobody.
        fixes: refusedAs(error, 'WRONGPASS') ? [{ ...redis(...acl.words), refused: true }] : [],
      };
    default:
      return undefined;
  }
}
