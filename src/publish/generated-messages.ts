import { randomUUID } from 'node:crypto';
import type { OutgoingMessage } from './carry-out.js';
import type { Plan } from './pacing.js';
import { BATCH_BYTES } from './sizes.js';

/**
 * Generates messages of one size: `{"message_id":"…"}`, padded.
 *
 * @param bytes the size; the smallest possible one if undefined or too small
 */
export function messageGenerator(
  bytes: number | undefined,
  makeId: () => string = randomUUID,
): () => OutgoingMessage & { readonly id: string } {
  const head = '{"message_id":"';
  const room = Math.max(0, (bytes ?? 0) - Buffer.byteLength(`${head}${makeId()}"}`));
  const property = ',"padding":""';
  // Spaces, if there is no room for a property.
  const padding =
    room < property.length
      ? ' '.repeat(room)
      : property.replace('""', `"${'x'.repeat(room - property.length)}"`);
  const tail = `"${padding}}`;
  return () => {
    const id = makeId();
    return { id, text: head + id + tail };
  };
}

/** The plan, its batch limited so that it is not too large in bytes. */
export function withinBytes(plan: Plan, bytes: number): Plan {
  return { ...plan, batch: Math.max(1, Math.min(plan.batch, Math.floor(BATCH_BYTES / bytes))) };
}
