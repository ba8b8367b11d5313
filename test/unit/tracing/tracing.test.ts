import { trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConsumerExecutor, Delivery, OnOutcome, Outcome } from '../../../src/core/executor.js';
import { silentLogger } from '../../../src/log/logger.js';
import { loadTracing } from '../../../src/tracing/tracing.js';
import { fakeStore } from '../../helpers/fake-store.js';

const names = { channel: 'in', group: 'g' };
const delivery: Delivery = { inboxId: '1-1', message: Buffer.from('{"message_id":1}'), attempt: 1 };

afterEach(() => trace.disable());

function setUp() {
  const exporter = new InMemorySpanExporter();
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
  return exporter;
}

/** Processes each message at once. */
const processing: ConsumerExecutor = {
  depth: 1,
  closed: false,
  quiet: () => {},
  resume: () => {},
  execute: (given, onOutcome) => {
    onOutcome(given, { kind: 'processed', messageId: '1', data: '{}' }, 3);
    return { interrupt: () => {} };
  },
};

describe('tracing', () => {
  it('is off if the API is installed but not set up', async () => {
    expect(await loadTracing(names, silentLogger)).toBeUndefined();
  });

  it('leaves an executor as it is: depth, quiet, interrupt, outcomes within execute and after', async () => {
    const exporter = setUp();
    const tracing = await loadTracing(names, silentLogger);
    const calls: unknown[] = [];
    let settle: (outcome: Outcome, busy: number) => void = () => {};
    const executor: ConsumerExecutor = {
      depth: 7,
      closed: false,
      quiet: () => calls.push('quiet'),
      resume: () => calls.push('resume'),
      execute: <D extends Delivery>(given: D, onOutcome: OnOutcome<D>) => {
        calls.push(Object.keys(given));
        if (given.attempt === 1) onOutcome(given, { kind: 'processed', messageId: '1', data: '{}' }, 3);
        else settle = (outcome, busy) => onOutcome(given, outcome, busy);
        return { interrupt: (reason) => calls.push(reason) };
      },
    };
    const traced = tracing?.executor(executor, 'c1');
    expect(traced?.depth).toBe(7);
    const outcomes: unknown[] = [];
    traced?.execute(delivery, (of, outcome, busy) => outcomes.push([of === delivery, outcome.kind, busy]));
    const running = traced?.execute({ ...delivery, attempt: 2 }, (of, outcome, busy) =>
      outcomes.push([of.attempt === 2, outcome.kind, busy]),
    );
    running?.interrupt('enough');
    settle({ kind: 'interrupted' }, 0);
    traced?.quiet();
    traced?.resume();
    expect(outcomes).toEqual([
      [true, 'processed', 3],
      [true, 'interrupted', 0],
    ]);
    const keys = ['inboxId', 'message', 'attempt', 'traceparent'];
    expect(calls).toEqual([keys, keys, 'enough', 'quiet', 'resume']);
    expect(exporter.getFinishedSpans().map(({ events }) => events.map(({ name }) => name))).toEqual([
      [],
      ['interrupted'],
    ]);
  });

  it('ends the span of a batch that Redis refused, and rejects with its error', async () => {
    const exporter = setUp();
    const tracing = await loadTracing(names, silentLogger);
    const refused = Object.assign(new Error('OOM'), { code: 'REDIS_REFUSED' });
    const store = tracing?.settlingStore(fakeStore({ commit: () => Promise.reject(refused) }));
    const result = { entryId: '1-1', inboxId: '1-1', consumerId: 'c1', messageId: '1', data: '{}' };
    await expect(store?.commit([result], 0)).rejects.toBe(refused);
    const [span] = exporter.getFinishedSpans();
    expect(span?.attributes['error.type']).toBe('REDIS_REFUSED');
    expect(span?.status).toMatchObject({ code: 2, message: 'OOM' });
  });

  it('links the commit of a pack to the attempts of its results, and keeps none of the rest', async () => {
    const exporter = setUp();
    const tracing = await loadTracing(names, silentLogger);
    const traced = tracing?.executor(processing, 'c1');
    for (const inboxId of ['5-1002001', '5-1002002', '5-1002003'])
      traced?.execute({ ...delivery, inboxId }, () => {});
    const spans = exporter.getFinishedSpans().map((span) => span.spanContext().spanId);
    const store = tracing?.settlingStore(fakeStore({ settlePacks: async () => ['late'] }));
    const pack = { id: '5-1002003', consumerId: 'c1', texts: ['m', '{}', 'm', '{}'], left: [{ number: 2 }] };
    expect(await store?.settlePacks([pack], 0)).toEqual(['late']);
    await store?.settlePacks([{ ...pack, texts: [], left: [1, 2, 3].map((number) => ({ number })) }], 0);
    await store?.settlePacks([{ ...pack, texts: [...pack.texts, 'm', '{}'], left: [] }], 0);
    const commits = exporter.getFinishedSpans().slice(3);
    expect(commits.map(({ links }) => links.map(({ context }) => context.spanId))).toEqual([
      [spans[0], spans[2]],
      [],
    ]);
    expect(commits[0]?.attributes['messaging.batch.message_count']).toBe(2);
    expect(commits.map(({ attributes }) => attributes['cgroup.late'])).toEqual([undefined, undefined]);
  });

  it('says in a commit which of its messages were settled before', async () => {
    const exporter = setUp();
    const tracing = await loadTracing(names, silentLogger);
    const ids = Array.from({ length: 130 }, (_, i) => `7-${i + 1}`);
    const pack = { id: '5-1002002', consumerId: 'c1', texts: ['m', '{}', 'm', '{}'], left: [] };
    const traced = tracing?.executor(processing, 'c1');
    for (const inboxId of [...ids, '5-1002001', '5-1002002'])
      traced?.execute({ ...delivery, inboxId }, () => {});
    const late = ['7-2', '7-129'];
    const store = tracing?.settlingStore(
      fakeStore({ commit: async () => late, settlePacks: async () => [pack.id] }),
    );
    const results = ids.map((id) => ({
      entryId: id,
      inboxId: id,
      consumerId: 'c1',
      messageId: '1',
      data: '{}',
    }));
    await store?.commit(results, 0);
    await store?.settlePacks([pack], 0);
    const spans = exporter.getFinishedSpans().slice(-2);
    const told = spans.map(({ attributes }) => [attributes['cgroup.late'], attributes['cgroup.late_ids']]);
    // A span has 128 links.
    expect(told).toEqual([
      [2, ['7-2']],
      [2, ['5-1002001', '5-1002002']],
    ]);
  });
});
