/** An entry of the output, the dead letters, the gaps or the inbox. */
export interface StreamEntry {
  readonly id: string;
  readonly fields: Readonly<Record<string, Buffer>>;
}

/** A dead letter whose long texts are cut. */
export interface CutDeadLetter extends StreamEntry {
  /** Bytes of the whole message. */
  readonly messageBytes: number;
}

/** An entry as Redis replies it: names and values of its fields in turn. */
export type EntryReply = [id: Buffer, fields: Buffer[]];

export function entryOf([id, flat]: EntryReply): StreamEntry {
  const fields: Record<string, Buffer> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[String(flat[i])] = flat[i + 1] as Buffer;
  return { id: id.toString('latin1'), fields };
}
