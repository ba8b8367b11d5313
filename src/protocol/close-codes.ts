// The codes with which a WebSocket between a group and a worker is closed.
// Below 4000: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1. Above: ours, docs/worker-protocol.md lists them.

/** The process of the group stops, or has nothing more for this connection. */
export const GOING_AWAY = 1001;
/** No closing frame came: the connection broke. It is never sent. */
export const BROKEN = 1006;
/** The worker breaks the protocol. */
export const POLICY = 1008;
/** No room for now. */
export const TRY_AGAIN = 1013;
/** The first message is no hello. */
export const NO_GOOD_HELLO = 4400;
/** No hello came in time. */
export const NO_HELLO = 4408;
/** The worker has made another connection. */
export const REPLACED = 4409;

/** Closed by the other side, going away, closed without a code: both sides know that nothing is in work any more. */
const CLEAN: ReadonlySet<number> = new Set([1000, GOING_AWAY, 1005]);

export function isClean(code: number): boolean {
  return CLEAN.has(code);
}

/** Whether the same will happen at the next connection, until a person changes something. */
export function isRefusal(code: number): boolean {
  return code === POLICY || code >= 4000;
}
