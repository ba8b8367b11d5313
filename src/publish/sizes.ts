/** Bytes of a batch, about: Redis serves no other client while it publishes one. */
export const BATCH_BYTES = 1_000_000;
/** Most bytes of one message. */
export const MAX_MESSAGE_BYTES = 16_000_000;
