/** Numbers the deliveries of a process. Their ids are unique in the group, so a worker may name them to any process. */
export class DeliveryIds {
  readonly #prefix: string;
  #last = 0;

  /** @param processId unique in the group */
  constructor(processId: string) {
    this.#prefix = `${processId}/`;
  }

  next(): string {
    return `${this.#prefix}${++this.#last}`;
  }

  /** Whether this process has given out a delivery with this id. */
  wasGiven(deliveryId: string): boolean {
    if (!deliveryId.startsWith(this.#prefix)) return false;
    const digits = deliveryId.slice(this.#prefix.length);
    return /^[1-9]\d{0,15}$/.test(digits) && Number(digits) <= this.#last;
  }
}
