import { plural } from '../../core/words.js';
import type { Logger } from '../../log/logger.js';
import { ThrottledLog } from '../../log/throttle.js';

/** ms between two lines of a kind, at least. */
const EVERY = 1_000;

/** An event of a worker. */
export interface WorkerNotice {
  /** The worker in words. */
  readonly worker: string;
  readonly text: string;
  readonly fields?: object;
}

/** Lines of the log about remote workers: one a second of each kind, however many workers come and go, or do wrong. */
export class WorkerNotices {
  readonly connected: ThrottledLog<WorkerNotice>;
  readonly left: ThrottledLog<WorkerNotice>;
  readonly lost: ThrottledLog<WorkerNotice>;
  readonly wrong: ThrottledLog<WorkerNotice>;
  readonly dropped: ThrottledLog<WorkerNotice>;

  constructor(log: Logger) {
    const notices = (level: 'info' | 'warn', what: (count: number) => string) =>
      new ThrottledLog<WorkerNotice>({
        interval: EVERY,
        write: (count, { worker, text, fields }) => {
          const about = count === 1 ? '' : `${what(count)}, the last: `;
          log[level]({ count, ...fields }, `${about}worker ${worker}${text}`);
        },
      });
    this.connected = notices('info', (count) => `${plural(count, 'worker')} connected`);
    this.left = notices('info', (count) => `${plural(count, 'worker')} left`);
    this.lost = notices('warn', (count) => `${plural(count, 'worker')} lost`);
    this.wrong = notices('warn', (count) => `${plural(count, 'wrong message')} of workers`);
    this.dropped = notices('warn', (count) => `log lines of workers dropped ${count} times`);
  }

  /** Writes what waits to be written. */
  flush(): void {
    for (const notices of [this.connected, this.left, this.lost, this.wrong, this.dropped]) notices.flush();
  }
}
