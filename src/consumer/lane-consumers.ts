import { allEnded } from '../core/all-ended.js';
import type { Consumer } from './consumer.js';

/** A consumer of a group with several lanes: one in each lane, under the same id, which share the places of an executor. */
export class LaneConsumers {
  readonly id: string;
  readonly lanes: readonly Consumer[];

  /** @param lanes one for each lane, in the order of the lanes; at least one */
  constructor(lanes: readonly [Consumer, ...Consumer[]]) {
    this.id = lanes[0].id;
    this.lanes = lanes;
  }

  /** Consumers of the process, this one included: those of all lanes share what they may hold. */
  set consumers(count: number) {
    for (const consumer of this.lanes) consumer.consumers = count * this.lanes.length;
  }

  get stalled(): boolean {
    return this.lanes.some(({ stalled }) => stalled);
  }

  get busyMs(): number {
    return this.lanes.reduce((sum, { busyMs }) => sum + busyMs, 0);
  }

  get packSize(): number | undefined {
    return this.lanes[0]?.packSize;
  }

  resume(): void {
    for (const consumer of this.lanes) consumer.resume();
  }

  async pause(): Promise<void> {
    await Promise.all(this.lanes.map((consumer) => consumer.pause()));
  }

  async drain(signal: AbortSignal): Promise<void> {
    await Promise.all(this.lanes.map((consumer) => consumer.drain(signal)));
  }

  async settled(signal: AbortSignal): Promise<void> {
    await Promise.all(this.lanes.map((consumer) => consumer.settled(signal)));
  }

  interrupt(): void {
    for (const consumer of this.lanes) consumer.interrupt();
  }

  /**
   * Leaves the Redis group of each lane. A lane that it has left already hands back nothing more. Rejects only when all lanes have
   * answered: their connections may be closed then.
   */
  async leave(): Promise<number> {
    const back = await allEnded(this.lanes.map((consumer) => consumer.leave()));
    return back.reduce((a, b) => a + b, 0);
  }

  /** Total order goes with one lane only, and nothing else makes attempts wait. */
  beginAttempts(): void {
    for (const consumer of this.lanes) consumer.beginAttempts();
  }
}

/** What runs in one lane. */
export function inLane(consumer: Consumer | LaneConsumers, lane: number): Consumer {
  const found = 'lanes' in consumer ? consumer.lanes[lane] : consumer;
  if (!found) throw new RangeError(`there is no lane ${lane}`);
  return found;
}
