import { performance } from 'node:perf_hooks';
import { messageOf } from '../../core/errors.js';
import type { ConsumerExecutor, Delivery, OnOutcome, RunningAttempt } from '../../core/executor.js';
import { plural } from '../../core/words.js';
import { cutText } from '../../log/bounded.js';
import type { Logger } from '../../log/logger.js';
import { REMIND_EVERY, repeatedWarnings, ThrottledLog } from '../../log/throttle.js';
import { processLine, type WorkerDelivery } from '../../protocol/from-group.js';
import { type FromWorker, parseFromWorker } from '../../protocol/from-worker.js';
import { LARGEST_MESSAGE } from '../../protocol/limits.js';
import { errorLine, notificationLine, type RpcId, resultLine, TOO_LATE } from '../../protocol/rpc.js';
import type { HelloResult } from '../../protocol/schema.js';
import type { DeliveryIds } from '../desk/delivery-ids.js';
import { Desk, type WorkerLine } from '../desk/desk.js';
import type { Suspects } from '../desk/suspects.js';
import { Child } from './child.js';
import type { Command } from './command.js';

/** Bytes of a line: the largest result, and what stands around it. */
/** ms that the child may take to answer a cancelled delivery. Else it hangs. */
const CANCEL_GRACE = 1_000;
const FLUSH_HINT = 'Does it flush each line (Python: flush=True)?';
/** ms to wait after the child has ended, doubled each time, unless a delivery is to blame. */
const RESTART_AFTER = 1_000;
const RESTART_AFTER_MOST = 30_000;
/** So many ends in a row may be the fault of deliveries; and so many cost no attempt if no child has ever worked. */
const FORGIVEN_ENDS = 3;
/** ms without a child that works after which deliveries wait no longer: other processes may be able to process them. */
const PATIENCE = 5_000;
/** ms from the first dropped line to the line that says how many. */
const DROPPED_AFTER = 1_000;
/** Characters of a wrong line that the log shows. */
const SHOWN = 200;

export interface ExecConsumerOptions {
  readonly consumerId: string;
  readonly command: Command;
  readonly concurrency: number;
  /** Of one attempt, ms. */
  readonly timeout: number;
  readonly ids: DeliveryIds;
  readonly suspects: Suspects;
  /** Whether any child of this process has ever answered: one for all consumers. */
  readonly proof: { works: boolean };
  /** The reply to a child that says hello. */
  readonly welcome: Pick<HelloResult, 'group' | 'channel' | 'heartbeat' | 'lease'>;
  readonly log: Logger;
}

/** Makes the attempts of one consumer in a child process, and starts another one when it ends. */
export class ExecConsumer implements ConsumerExecutor {
  readonly depth = Number.POSITIVE_INFINITY;
  readonly #options: ExecConsumerOptions;
  readonly #log: Logger;
  readonly #desk: Desk;
  #child: Child | undefined;
  /** Deliveries that the child has been asked to drop, and has not answered. */
  readonly #cancelled = new Map<string, NodeJS.Timeout>();
  /** The child takes no more deliveries. */
  #retiring = false;
  /** The child has answered a delivery. */
  #answered = false;
  /** How often a child has ended since one has last answered, and when the first of them did. */
  #ends = 0;
  /** How often it has been waited since then before another one was started. */
  #waits = 0;
  #downSince = 0;
  #restart: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;
  readonly #wrongLines: ThrottledLog<string>;
  readonly #wrongAnswers: ThrottledLog<string>;
  readonly #dropped: ThrottledLog<void>;
  readonly #crashes: ThrottledLog<string>;

  constructor(options: ExecConsumerOptions) {
    this.#options = options;
    const log = options.log.child({ consumer: options.consumerId });
    this.#log = log;
    this.#desk = new Desk({ ...options, onEnded: () => this.#retire() });
    const warnings = (text: string) =>
      new ThrottledLog<string>({
        interval: REMIND_EVERY,
        write: (count, last) => log.warn({ count }, `${text}: ${last}`),
      });
    this.#wrongLines = warnings(
      'the processor wrote a line that is no message (stdout is for the protocol only; write logs to stderr)',
    );
    this.#wrongAnswers = warnings('an answer of the processor does not count');
    this.#dropped = repeatedWarnings(
      log,
      (dropped) => [
        { dropped },
        `${plural(dropped, 'line was', 'lines were')} dropped: the processor logs too fast`,
      ],
      DROPPED_AFTER,
    );
    this.#crashes = new ThrottledLog<string>({
      interval: RESTART_AFTER,
      write: (count, last) => log.error({ count }, last),
    });
    this.#startChild();
  }

  get closed(): boolean {
    return this.#desk.closed;
  }

  execute<D extends Delivery>(delivery: D, onOutcome: OnOutcome<D>): RunningAttempt {
    return this.#desk.execute(delivery, onOutcome);
  }

  quiet(): void {
    this.#desk.quiet();
    this.#child?.send(notificationLine('quiet', {}));
  }

  resume(): void {
    this.#desk.resume();
  }

  /** Ends the child. Resolves when it has ended. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    clearTimeout(this.#restart);
    this.#desk.detach();
    this.#desk.close();
    this.#desk.endAll();
    this.#forgetCancelled();
    await this.#child?.stop();
    this.#dropped.flush();
    for (const log of [this.#wrongLines, this.#wrongAnswers, this.#dropped, this.#crashes]) log.stop();
  }

  #startChild(): void {
    this.#retiring = false;
    this.#answered = false;
    const { command } = this.#options;
    let child: Child;
    try {
      child = new Child({
        command,
        longestLine: LARGEST_MESSAGE,
        onLine: (line) => this.#onLine(child, line),
        onBinary: (line) => {
          if (child.mayLog(line.length)) this.#wrongLines.add(`no UTF-8: ${shown(line.toString('latin1'))}`);
        },
        onStderr: (line) => this.#log.info({ pid: child.pid }, line),
        onDropped: () => this.#dropped.add(),
        onDrain: () => this.#desk.pump(),
        onEnd: (why) => this.#onEnd(child, why),
      });
    } catch (error) {
      this.#afterEnd(`the processor ended: ${messageOf(error)}`);
      return;
    }
    this.#child = child;
    this.#desk.attach(this.#lineTo(child));
  }

  #lineTo(child: Child): WorkerLine {
    return {
      process: (delivery: WorkerDelivery) => child.send(processLine(delivery)),
      cancel: (deliveryId, reason, deadline) => {
        child.send(notificationLine('cancel', { delivery_id: deliveryId, reason }));
        const within =
          deadline === undefined
            ? `${CANCEL_GRACE} ms of a cancel (${reason})`
            : `${deadline + CANCEL_GRACE} ms`;
        const hang = () => child.kill(`it gave no answer within ${within}. ${FLUSH_HINT}`);
        this.#cancelled.set(deliveryId, setTimeout(hang, CANCEL_GRACE));
      },
      get congested() {
        return child.congested;
      },
    };
  }

  #onLine(child: Child, line: string): void {
    if (line === '') return;
    const message = parseFromWorker(line);
    switch (message.kind) {
      case 'answer':
        if (this.#desk.answer(message.deliveryId, message.result)) this.#onAnswer();
        else this.#onWrongAnswer(child, message.deliveryId);
        return;
      case 'failure':
        if (this.#desk.fail(message.deliveryId, message)) this.#onAnswer();
        else this.#onWrongAnswer(child, message.deliveryId);
        return;
      default:
        if (child.mayLog(line.length) || message.kind !== 'log') this.#onOther(child, line, message);
    }
  }

  #onOther(child: Child, line: string, message: Exclude<FromWorker, { kind: 'answer' | 'failure' }>): void {
    switch (message.kind) {
      case 'hello': {
        const { consumerId, welcome, proof } = this.#options;
        const { concurrency } = message.hello;
        // Its end is still one in a row: else a child that ends after its hello would be started without a pause.
        proof.works = true;
        this.#desk.limit(concurrency);
        const granted = { consumer_id: consumerId, concurrency: this.#desk.concurrency, resumed: [] };
        child.send(resultLine(message.id, { ...welcome, ...granted }));
        return;
      }
      case 'extend':
        this.#onExtend(child, message);
        return;
      case 'log':
        this.#log[message.level]({ pid: child.pid }, cutText(message.msg));
        return;
      case 'quiet':
        this.#retiring = true;
        this.#desk.detach();
        this.#retire();
        return;
      case 'invalid':
        this.#wrongLines.add(`${message.error}: ${shown(line)}`);
    }
  }

  #onExtend(child: Child, { id, deliveryId, ms }: { id: RpcId | undefined; deliveryId: string; ms: number }) {
    const extended = this.#desk.extend(deliveryId, ms);
    if (id === undefined) return;
    child.send(
      extended ? resultLine(id, true) : errorLine(id, TOO_LATE, `the delivery ${deliveryId} is not in work`),
    );
  }

  #onWrongAnswer(child: Child, deliveryId: string): void {
    const timer = this.#cancelled.get(deliveryId);
    if (timer) {
      clearTimeout(timer);
      this.#cancelled.delete(deliveryId);
      return;
    }
    const id = shown(deliveryId);
    child.mayLog(id.length);
    this.#wrongAnswers.add(
      this.#options.ids.wasGiven(deliveryId)
        ? `the delivery ${id} was answered before, or its time was over`
        : `there is no delivery ${id}`,
    );
  }

  #onAnswer(): void {
    this.#answered = true;
    this.#ends = 0;
    this.#waits = 0;
    this.#options.proof.works = true;
  }

  /** The child takes no more deliveries: it ends when it has none. */
  #retire(): void {
    if (this.#retiring && this.#desk.given === 0) void this.#child?.stop();
  }

  #forgetCancelled(): void {
    for (const timer of this.#cancelled.values()) clearTimeout(timer);
    this.#cancelled.clear();
  }

  #onEnd(child: Child, why: string): void {
    if (this.#stopped) return;
    this.#child = undefined;
    this.#desk.detach();
    const { lastWords, killed } = child;
    const error = `the ${killed ? 'program was killed' : 'processor ended'}: ${why}`;
    this.#afterEnd(lastWords === '' ? error : `${error}; last line of stderr: ${shown(lastWords)}`);
  }

  #afterEnd(error: string): void {
    const { proof } = this.#options;
    const desk = this.#desk;
    // An answer that it owed to a cancelled delivery: that one may be to blame, and has its outcome.
    const cancelled = this.#cancelled.size > 0;
    this.#forgetCancelled();
    // One that ends with all that it had has not finished it, whatever it said: a message may be to blame.
    if (this.#retiring && (this.#answered || desk.given === 0)) {
      desk.recall();
      this.#startIn(this.#answered ? 0 : RESTART_AFTER);
      return;
    }
    if (this.#ends++ === 0) this.#downSince = performance.now();
    const forgiven = !proof.works && this.#ends <= FORGIVEN_ENDS;
    const toBlame = !forgiven && !cancelled && desk.given > 0;
    if (toBlame) desk.blame(error);
    else desk.recall();
    const atOnce = (toBlame || cancelled) && this.#ends <= FORGIVEN_ENDS;
    const wait = atOnce ? 0 : Math.min(RESTART_AFTER * 2 ** this.#waits++, RESTART_AFTER_MOST);
    const hint = forgiven ? ' (no child of this command has ever answered: no attempt is counted)' : '';
    this.#crashes.add(`${error}${hint}: started again ${wait === 0 ? 'at once' : `in ${wait / 1_000} s`}`);
    if (performance.now() - this.#downSince + wait > PATIENCE) this.#close();
    this.#startIn(wait);
  }

  #startIn(ms: number): void {
    if (ms === 0) this.#startChild();
    else this.#restart = setTimeout(() => this.#startChild(), ms);
  }

  #close(): void {
    if (this.#desk.closed) return;
    this.#desk.close();
    this.#log.error(
      {},
      'the processor ends again and again: its consumer hands back its messages, and takes none until the next try',
    );
  }
}

/** The beginning of a text that a child wrote. */
function shown(text: string): string {
  return JSON.stringify(cutText(text, SHOWN));
}
