import type { Attributes, Context, Link, Span, SpanContext } from '@opentelemetry/api';
import type { BridgeStore } from '../core/bridge-store.js';
import { processedIn, type SettlingStore } from '../core/consumer-store.js';
import { messageOf } from '../core/errors.js';
import type { ConsumerExecutor, Delivery, OnOutcome, Outcome, RunningAttempt } from '../core/executor.js';
import type { Payload } from '../core/message.js';
import { identityIn } from '../core/pack.js';
import type { Packed } from '../core/packed.js';
import type { Logger } from '../log/logger.js';

type OpenTelemetry = typeof import('@opentelemetry/api');

/** Names that the spans have as attributes. */
export interface TracingNames {
  readonly channel: string;
  readonly group: string;
}

/** Links of one span: SDKs keep no more. */
const MOST_LINKS = 128;

/**
 * Tracing, if the user's own start-up has set up OpenTelemetry; undefined if it has not, or if its API package is
 * not installed: then tracing costs nothing per message.
 */
export async function loadTracing(names: TracingNames, log: Logger): Promise<Tracing | undefined> {
  let api: OpenTelemetry;
  try {
    api = await import('@opentelemetry/api');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND')
      log.warn({ error }, `no tracing, @opentelemetry/api fails on import: ${messageOf(error)}`);
    return undefined;
  }
  if (!isSetUp(api)) return undefined;
  log.debug({}, 'tracing with OpenTelemetry');
  return new Tracing(api, names);
}

/** Until a provider is registered behind its proxy, the API gives tracers that do nothing. */
function isSetUp({ trace }: OpenTelemetry): boolean {
  const provider = trace.getTracerProvider() as Partial<InstanceType<OpenTelemetry['ProxyTracerProvider']>>;
  return provider.getDelegateTracer === undefined || provider.getDelegateTracer('cgroup') !== undefined;
}

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
  /** Spans of attempts that are not committed yet, by inbox id; at most as many as the consumers hold entries. */
  readonly #processed = new Map<string, SpanContext>();

  constructor(api: OpenTelemetry, names: TracingNames) {
    this.#api = api;
    this.#names = names;
    this.#tracer = api.trace.getTracer('cgroup');
  }

  /**
   * An executor that makes a span for each attempt. The processor gets the span as `traceparent`; inline it is also the
   * active one.
   */
  executor(executor: ConsumerExecutor, consumerId: string): ConsumerExecutor {
    return {
      get depth() {
        return executor.depth;
      },
      get closed() {
        return executor.closed;
      },
      quiet: () => executor.quiet(),
      resume: () => executor.resume(),
      execute: (delivery, onOutcome) => this.#execute(executor, consumerId, delivery, onOutcome),
    };
  }

  /** A store with a span around each relay of messages. */
  bridgeStore(store: BridgeStore): BridgeStore {
    return {
      relay: (request) => {
        const relay = () => store.relay(request);
        // Without messages it only asks for the position, or moves it.
        return request.messages.length === 0 ? relay() : this.#relay(request.messages, relay);
      },
      mark: (request) => store.mark(request),
      take: (...args) => store.take(...args),
      release: (...args) => store.release(...args),
      readLease: () => store.readLease(),
      lastMark: (on) => store.lastMark(on),
      missed: (caller, gap) => store.missed(caller, gap),
      leave: (seat) => store.leave(seat),
    };
  }

  /** What settles messages, with a span around each call. */
  settlingStore(store: SettlingStore): SettlingStore {
    return {
      prepare: () => store.prepare(),
      commit: (results, maxLength) =>
        this.#settle(
          'commit',
          idsOf(results),
          () => store.commit(results, maxLength),
          (late) => idsOf(chosen(results, late, ({ entryId }) => entryId)),
        ),
      settlePacks: async (packs, maxLength) => {
        const settle = () => store.settlePacks(packs, maxLength);
        const ids = packs.flatMap(processedIn);
        // Without results it only gives messages back.
        const lateIn = (late: readonly string[]) => chosen(packs, late, ({ id }) => id).flatMap(processedIn);
        const late = await (ids.length === 0 ? settle() : this.#settle('commit', ids, settle, lateIn));
        // Outcomes that go back to the inbox are recorded later, perhaps by another process.
        this.#forget(packs.flatMap(({ id, left }) => left.map(({ number }) => identityIn(id, number))));
        return late;
      },
      bury: (deadLetters, maxLength) =>
        this.#settle(
          'bury',
          idsOf(deadLetters),
          () => store.bury(deadLetters, maxLength),
          ({ late }) => idsOf(chosen(deadLetters, late, ({ entryId }) => entryId)),
        ),
      retry: async (retries) => {
        await store.retry(retries);
        this.#forget(idsOf(retries));
      },
    };
  }

  #relay<T>(messages: Packed, send: () => Promise<T>): Promise<T> {
    const links: Link[] = [];
    for (const message of messages) {
      if (links.length === MOST_LINKS) break;
      const context = this.#api.trace.getSpanContext(this.#parentOf(message));
      if (context) links.push({ context });
    }
    return this.#batch('relay', 'send', this.#api.SpanKind.PRODUCER, messages.length, links, send);
  }

  /** The span is linked to the spans of the attempts. `lateIn` gives the inbox ids of the messages that were settled before. */
  async #settle<T>(
    operation: 'commit' | 'bury',
    inboxIds: readonly string[],
    send: () => Promise<T>,
    lateIn: (reply: T) => readonly string[],
  ): Promise<T> {
    const links: Link[] = [];
    const linked = new Set<string>();
    for (const id of inboxIds) {
      const context = this.#processed.get(id);
      if (!context || links.length === MOST_LINKS) continue;
      links.push({ context });
      linked.add(id);
    }
    const { CLIENT } = this.#api.SpanKind;
    const onReply = (span: Span, reply: T) => {
      const late = lateIn(reply);
      if (late.length === 0) return;
      span.setAttribute('cgroup.late', late.length);
      span.setAttribute(
        'cgroup.late_ids',
        late.filter((id) => linked.has(id)),
      );
    };
    const reply = await this.#batch(operation, 'settle', CLIENT, inboxIds.length, links, send, onReply);
    this.#forget(inboxIds);
    return reply;
  }

  /** Drops the spans of entries that are settled, or will be tried again. */
  #forget(inboxIds: readonly string[]): void {
    for (const id of inboxIds) this.#processed.delete(id);
  }

  #execute<D extends Delivery>(
    executor: ConsumerExecutor,
    consumerId: string,
    delivery: D,
    onOutcome: OnOutcome<D>,
  ): RunningAttempt {
    const { trace, context, propagation, SpanKind } = this.#api;
    const parent = this.#parentOf(delivery.message);
    const attributes: Attributes = {
      ...this.#common('process', 'process'),
      'messaging.client.id': consumerId,
      'messaging.message.id': delivery.inboxId,
      'messaging.message.body.size': Buffer.byteLength(delivery.message),
      'cgroup.attempt': delivery.attempt,
    };
    const name = `process ${this.#names.channel}`;
    const span = this.#tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes }, parent);
    const own = trace.setSpan(parent, span);
    const carrier: { traceparent?: string } = {};
    propagation.inject(own, carrier);
    const { traceparent } = carrier;
    const traced = traceparent === undefined ? delivery : { ...delivery, traceparent };
    return context.with(own, () =>
      executor.execute(traced, (_traced, outcome, busy) => {
        this.#end(span, delivery.inboxId, outcome);
        onOutcome(delivery, outcome, busy);
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
    onReply?: (span: Span, reply: T) => void,
  ): Promise<T> {
    const attributes = { ...this.#common(operation, type), 'messaging.batch.message_count': count };
    const span = this.#tracer.startSpan(
      `${operation} ${this.#names.channel}`,
      { kind, attributes, links },
      this.#api.ROOT_CONTEXT,
    );
    try {
      const reply = await send();
      onReply?.(span, reply);
      return reply;
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

  /** The context in which a message was published, as the user's propagator reads it from the message. */
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
      return ROOT_CONTEXT; // not JSON: it becomes a dead letter
    }
  }
}

/** The items with these ids. */
function chosen<T>(items: readonly T[], ids: readonly string[], idOf: (item: T) => string): readonly T[] {
  if (ids.length === 0) return [];
  const wanted = new Set(ids);
  return items.filter((item) => wanted.has(idOf(item)));
}

function idsOf(settled: readonly { readonly inboxId: string }[]): string[] {
  return settled.map(({ inboxId }) => inboxId);
}
