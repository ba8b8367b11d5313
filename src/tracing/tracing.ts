import type { Attributes, Context, Link, Span, SpanContext } from '@opentelemetry/api';
import { messageOf } from '../core/errors.js';
import type { Packed } from '../core/packed.js';
import type { Payload } from '../core/payload.js';
import type { ConsumerExecutor, Job, OnOutcome, Outcome, Running } from '../processor/executor.js';

export type OpenTelemetry = typeof import('@opentelemetry/api');

/** What the spans are about. */
export interface TracingNames {
  readonly channel: string;
  readonly group: string;
}

/** Links of one span: SDKs keep no more. */
const MOST_LINKS = 128;

/**
 * Spans by the conventions for messaging (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/):
 *
 *     publisher's span ──traceparent in the message──► process (one for each attempt) ◄──link── commit (one a batch)
 *                      ◄──link── relay (one a batch)
 */
export class Tracing {
  readonly #api: OpenTelemetry;
  readonly #tracer: ReturnType<OpenTelemetry['trace']['getTracer']>;
  readonly #names: TracingNames;
  /** Spans of what is processed and not committed yet, by inbox id; no more than the consumers hold. */
  readonly #processed = new Map<string, SpanContext>();

  constructor(api: OpenTelemetry, names: TracingNames) {
    this.#api = api;
    this.#names = names;
    this.#tracer = api.trace.getTracer('cgroup');
  }

  /** A lane that makes a span of each job; the processor finds its own as `traceparent`, and inline as the active one. */
  lane(lane: ConsumerExecutor, consumerId: string): ConsumerExecutor {
    return {
      get depth() {
        return lane.depth;
      },
      get closed() {
        return lane.closed;
      },
      quiet: () => lane.quiet(),
      execute: (job, onOutcome) => this.#process(lane, consumerId, job, onOutcome),
    };
  }

  /** Sends a batch of messages to the inbox, within a span. */
  relay<T>(messages: Packed, send: () => Promise<T>): Promise<T> {
    const links: Link[] = [];
    for (const message of messages) {
      if (links.length === MOST_LINKS) break;
      const context = this.#api.trace.getSpanContext(this.#parentOf(message));
      if (context) links.push({ context });
    }
    return this.#batch('relay', 'send', this.#api.SpanKind.PRODUCER, messages.length, links, send);
  }

  /** Settles a batch of messages, within a span that is linked to those in which they were processed. */
  async settle<T>(
    operation: 'commit' | 'bury',
    inboxIds: readonly string[],
    send: () => Promise<T>,
  ): Promise<T> {
    const links: Link[] = [];
    for (const id of inboxIds) {
      const context = this.#processed.get(id);
      if (context && links.length < MOST_LINKS) links.push({ context });
    }
    const { CLIENT } = this.#api.SpanKind;
    const reply = await this.#batch(operation, 'settle', CLIENT, inboxIds.length, links, send);
    this.forget(inboxIds);
    return reply;
  }

  /** What became of these is decided elsewhere: they are tried again, by whomever. */
  forget(inboxIds: readonly string[]): void {
    for (const id of inboxIds) this.#processed.delete(id);
  }

  #process<J extends Job>(
    lane: ConsumerExecutor,
    consumerId: string,
    job: J,
    onOutcome: OnOutcome<J>,
  ): Running {
    const { trace, context, propagation, SpanKind } = this.#api;
    const parent = this.#parentOf(job.message);
    const attributes: Attributes = {
      ...this.#common('process', 'process'),
      'messaging.client.id': consumerId,
      'messaging.message.id': job.inboxId,
      'messaging.message.body.size': Buffer.byteLength(job.message),
      'cgroup.attempt': job.attempt,
    };
    const name = `process ${this.#names.channel}`;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes }, parent);
    const own = trace.setSpan(parent, span);
    const carrier: { traceparent?: string } = {};
    propagation.inject(own, carrier);
    const traced = carrier.traceparent === undefined ? job : { ...job, traceparent: carrier.traceparent };
    return context.with(own, () =>
      lane.execute(traced, (_traced, outcome, busy) => {
        this.#end(span, job.inboxId, outcome);
        onOutcome(job, outcome, busy);
      }),
    );
  }

  #end(span: Span, inboxId: string, outcome: Outcome): void {
    if (outcome.kind === 'interrupted') span.addEvent('interrupted');
    else this.#processed.set(inboxId, span.spanContext());
    if ('error' in outcome) this.#fail(span, 'reason' in outcome ? outcome.reason : 'failed', outcome.error);
    span.end();
  }

  async #batch<T>(
    operation: string,
    type: string,
    kind: number,
    count: number,
    links: Link[],
    send: () => Promise<T>,
  ): Promise<T> {
    const attributes = { ...this.#common(operation, type), 'messaging.batch.message_count': count };
    const span = this.#tracer.startSpan(
      `${operation} ${this.#names.channel}`,
      { kind, attributes, links },
      this.#api.ROOT_CONTEXT,
    );
    try {
      return await send();
    } catch (error) {
      const { code = '_OTHER' } = error as { code?: string };
      this.#fail(span, code, messageOf(error));
      throw error;
    } finally {
      span.end();
    }
  }

  #fail(span: Span, type: string, message: string): void {
    span.setAttribute('error.type', type);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
  }

  #common(operation: string, type: string): Attributes {
    return {
      'messaging.system': 'redis',
      'messaging.operation.name': operation,
      'messaging.operation.type': type,
      'messaging.destination.name': this.#names.channel,
      'messaging.consumer.group.name': this.#names.group,
    };
  }

  /** The context that a message says it was published in, as the user's propagator reads it. */
  #parentOf(message: Payload): Context {
    const { propagation, ROOT_CONTEXT } = this.#api;
    if (!message.includes('"traceparent"')) return ROOT_CONTEXT;
    try {
      const carrier = JSON.parse(String(message)) as Record<string, unknown>;
      const { traceparent, tracestate } = carrier;
      if (typeof traceparent !== 'string') return ROOT_CONTEXT;
      return propagation.extract(ROOT_CONTEXT, {
        traceparent,
        ...(typeof tracestate === 'string' ? { tracestate } : {}),
      });
    } catch {
      return ROOT_CONTEXT; // it is no JSON: a dead letter soon
    }
  }
}
