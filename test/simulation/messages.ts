/** Bytes of each message. */
export const MESSAGE_BYTES = 4;

const made: Buffer[] = [];

/** The message with a number. Each is made once: making them costs more than all the rest. */
export function messageOf(number: number): Buffer {
  for (let next = made.length; next <= number; next++) {
    const message = Buffer.alloc(MESSAGE_BYTES);
    message.writeUInt32BE(next);
    made.push(message);
  }
  return made[number] as Buffer;
}

export function numberOf(message: Buffer): number {
  return message.readUInt32BE();
}
