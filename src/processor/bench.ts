import type { Logger } from '../log/logger.js';
import type { Processor } from './processor.js';

/** How a job is done, in whichever thread. */
export interface AttemptOptions {
  readonly consumerId: string;
  readonly processor: Processor;
  /** Of one attempt, ms. */
  readonly timeout: number;
  readonly log: Logger;
}
