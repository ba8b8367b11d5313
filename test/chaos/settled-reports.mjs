import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { trace } from '@opentelemetry/api';

/**
 * Loaded with `node --import` before a process of the group, as a user's own set-up of OpenTelemetry is: writes which results
 * the process says are settled, and when, as its spans tell it. A line for each commit: ms since 1970, inbox ids. A span of a commit
 * is linked to 128 attempts at most; the other results of a larger batch are not in the file. Nor is what was settled before, or what
 * Redis does not know (`cgroup.late_ids`).
 */
class ReportingSpan {
  #isCommit;
  #ids;
  #id;
  #isTaken = true;

  constructor({ attributes = {}, links = [] } = {}) {
    this.#isCommit = attributes['messaging.operation.name'] === 'commit';
    this.#ids = links.map(({ context }) => context.spanId);
    // The links of a commit give this back.
    this.#id = attributes['messaging.message.id'] ?? '';
  }

  spanContext() {
    return { traceId: '', spanId: this.#id, traceFlags: 0 };
  }

  setStatus() {
    this.#isTaken = false;
    return this;
  }

  end() {
    if (this.#isCommit && this.#isTaken && this.#ids.length > 0)
      appendFileSync(process.env.CHAOS_SETTLED, `${Date.now()} ${this.#ids.join(' ')}\n`);
  }

  setAttribute(name, value) {
    if (name === 'cgroup.late_ids') this.#ids = this.#ids.filter((id) => !value.includes(id));
    return this;
  }

  addEvent() {
    return this;
  }
}

if (isMainThread)
  trace.setGlobalTracerProvider({
    getTracer: () => ({ startSpan: (_name, options) => new ReportingSpan(options) }),
  });
