import { CgroupError } from '../../core/errors.js';
import type { ConsumerExecutor, Executor } from '../../core/executor.js';
import { DeliveryIds } from '../desk/delivery-ids.js';
import { Suspects } from '../desk/suspects.js';
import type { ExecutorOptions } from '../inline.js';
import { checkProgram, parseCommand } from './command.js';
import { ExecConsumer, type ExecConsumerOptions } from './exec-consumer.js';

export interface ExecExecutorOptions extends ExecutorOptions, Pick<ExecConsumerOptions, 'welcome'> {
  /** The command, without `exec:`. */
  readonly command: string;
  readonly processId: string;
}

/** Runs a program of the user, in any language: one child process for each consumer. */
export class ExecExecutor implements Executor {
  readonly #options: Omit<ExecConsumerOptions, 'consumerId'>;
  readonly #consumers = new Map<string, ExecConsumer>();
  /** Children whose consumer has left. */
  readonly #ending = new Set<Promise<void>>();
  #stopped = false;

  /** @throws {CgroupError} PROCESSOR if the command is none that can be run without a shell */
  constructor({ command, processId, ...options }: ExecExecutorOptions) {
    this.#options = {
      ...options,
      command: parseCommand(command),
      ids: new DeliveryIds(processId),
      suspects: new Suspects(),
      proof: { works: false },
    };
  }

  start(): Promise<void> {
    return checkProgram(this.#options.command);
  }

  async add(consumerId: string): Promise<ConsumerExecutor> {
    if (this.#stopped) throw new CgroupError('STATE', 'the children have ended');
    const consumer = new ExecConsumer({ ...this.#options, consumerId });
    this.#consumers.set(consumerId, consumer);
    return consumer;
  }

  remove(consumerId: string): void {
    const consumer = this.#consumers.get(consumerId);
    if (!consumer) return;
    this.#consumers.delete(consumerId);
    const ending = consumer.stop().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const consumerId of [...this.#consumers.keys()]) this.remove(consumerId);
    await Promise.all(this.#ending);
  }
}
