/**
 * The evidence for the checker, all of it plain data.
 *
 * @typedef {object} Published one line of the ledger
 * @property {number} n
 * @property {string} id
 * @property {string} kind see messages.js
 * @property {number | undefined} receivers of the PUBLISH, the witness included; undefined if the reply was lost
 * @property {number} sentAt ms since 1970
 * @property {number | undefined} redisBefore Redis's clock before and after, ms since 1970
 * @property {number | undefined} redisAfter
 * @property {string} hash
 *
 * @typedef {{ id: string, inboxId: string, messageId: string, data: string }} Result
 * @typedef {{ id: string, inboxId: string, message: Buffer, reason: string }} DeadLetter
 * @typedef {{ from: number, to: number, reason: string }} Gap
 * @typedef {{ began: number, ended: number, address: string | undefined }} Look at who the master is: ms since 1970, and its
 *   address; undefined if there was none
 * @typedef {{ at: number, named: number, address: string }} Promotion ms since 1970 when the servers said that this one is the
 *   master (`named`), and when it also had the replicas that the group waits for (`at`)
 * @typedef {{ inboxId: string, at: number }} Settled a result that a process reported as settled, and when, ms since 1970
 * @typedef {{ pid: number, code: number | null, signal: string | null, doom?: string }} End of a process
 *
 * @typedef {object} Evidence
 * @property {string} run the name that the messages follow from
 * @property {Published[]} published
 * @property {Published[]} [cutOff] what was published at a server that a split had cut off; the servers keep none of it
 * @property {number[]} witnessed numbers of the messages, in the order of the channel
 * @property {Result[]} output
 * @property {DeadLetter[]} dead
 * @property {'none' | 'total' | 'key'} order that the output must have
 * @property {Gap[]} gaps
 * @property {Record<string, number>} counters
 * @property {{ inbox: number, packed: number, pending: number, retrying: number }} unsettled at the end; `inbox`: messages,
 *   in packs or not, held or parked ones too; `packed`: those in packs
 * @property {number} emptiedAt all that was sent before was deleted; 0 if nothing was
 * @property {boolean} mayLoseInGaps whether a fault left no bridge connected
 * @property {boolean} mayStray whether a fault took entries from consumers that held them
 * @property {'one' | 'replicated'} [place] whether there was one server, or one that others may replace; one
 * @property {Promotion[]} [promotions]
 * @property {Settled[]} [settled]
 * @property {number} [minReplicas] replicas that the group waited for
 * @property {number} [replicas] that the master has
 * @property {string[]} listed consumer ids in the list
 * @property {{ pid: number, consumers: number }[]} live processes at the end
 * @property {number} [size] consumers wanted in all live processes together, if these are managed
 * @property {End[]} ends of all processes
 * @property {string[]} stray log lines that are not allowed
 *
 * @typedef {{ name: string, count: number, examples: string[] }} Finding
 *
 * @typedef {object} Verdict
 * @property {Finding[]} findings none: all is well
 * @property {{ published: number, accepted: number, unknown: number, processed: number, dead: number, lost: number, inGaps: number, doubled: number, settledLost: number, cutOff: number, cutOffKept: number, back?: number }} numbers `settledLost`: results that were
 *   reported as settled, lost, and made again; `cutOff`: messages that a server took which was cut off, and `cutOffKept`: those of
 *   them that have a result or a dead letter; `back`: ms from a promotion to the next result
 */
export {};
