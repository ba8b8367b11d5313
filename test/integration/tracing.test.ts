import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';

const shared = withRedis();
const SETUP = fileURLToPath(new URL('../helpers/tracing-to-file.mjs', import.meta.url));
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PUBLISHER = '00f067aa0ba902b7';

interface SpanFacts {
  readonly name: string;
  readonly kind: SpanKind;
  readonly spanId: string;
  readonly traceId: string;
  readonly parentId?: string;
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly status: { readonly code: SpanStatusCode; readonly message?: string };
  readonly isMainThread: boolean;
}

const HANDLER = `
  import { trace } from '@opentelemetry/api';
  export default ({ message_id }, { traceparent, attempt }) => {
    if (message_id === 'bad') throw new Error('no');
    return { message_id, traceparent, active: trace.getActiveSpan()?.spanContext().spanId ?? null };
  };`;

/** Processes these messages in a traced group; resolves to its spans. */
async function traced(group: TestGroup, messages: readonly unknown[], flags: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'handler.mjs');
  await writeFile(file, HANDLER);
  await symlink(MODULES, join(folder, 'node_modules')); // where the processor finds the API package
  const SPANS_FILE = join(folder, 'spans');
  const run = await group.start(
    ['-n', '1', '-p', file, '--max-attempts', '2', '--backoff', '1ms', ...flags],
    {
      env: { NODE_OPTIONS: `--import ${SETUP}`, SPANS_FILE },
    },
  );
  for (const message of messages)
    await group.raw.publish(
      group.space.channel,
      typeof message === 'string' ? message : JSON.stringify(message),
    );
  await group.settled(messages.length);
  await run.kill();
  const lines = (await readFile(SPANS_FILE, 'utf8')).trim().split('\n');
  const spans = lines.map((line) => JSON.parse(line) as SpanFacts);
  const named = (operation: string) =>
    spans.filter(({ name }) => name === `${operation} ${group.space.channel}`);
  return { spans, named };
}

const published = { message_id: 'a', traceparent: `00-${TRACE}-${PUBLISHER}-01` };

describe('a traced group', () => {
  it.each([
    ['in a thread', []],
    ['on the main thread', ['--threads', '0']],
  ])('continues the trace of the message, %s', async (_where, flags) => {
    const group = await groupOn(shared.url);
    const { spans, named } = await traced(group, [published], flags);
    const [output] = await group.outputs();

    const [process] = named('process');
    expect(process).toMatchObject({
      kind: SpanKind.CONSUMER,
      traceId: TRACE,
      parentId: PUBLISHER,
      isMainThread: true,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'messaging.system': 'redis',
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        'messaging.destination.name': group.space.channel,
        'messaging.consumer.group.name': 'cgroup',
        'messaging.client.id': output?.consumerId,
        'messaging.message.id': output?.inboxId,
        'messaging.message.body.size': JSON.stringify(published).length,
        'cgroup.attempt': 1,
      },
    });
    // The processor can pass it on.
    expect(output?.data.traceparent).toBe(`00-${TRACE}-${process?.spanId}-01`);
    expect(output?.data.active).toBe(flags.length > 0 ? process?.spanId : null);

    const [relay] = named('relay');
    expect(relay).toMatchObject({
      kind: SpanKind.PRODUCER,
      links: [PUBLISHER],
      attributes: { 'messaging.operation.type': 'send', 'messaging.batch.message_count': 1 },
    });
    const [commit] = named('commit');
    expect(commit).toMatchObject({
      kind: SpanKind.CLIENT,
      links: [process?.spanId],
      attributes: { 'messaging.operation.type': 'settle', 'messaging.batch.message_count': 1 },
    });
    expect(spans).toHaveLength(3);
  });

  it('has a span for each attempt, says why it failed, and begins a trace if the message has none', async () => {
    const group = await groupOn(shared.url);
    const strange = [
      { message_id: 'b', traceparent: 'odd' },
      { message_id: 'c', traceparent: 7 },
      '"traceparent" no JSON',
    ];
    const { named } = await traced(group, [{ message_id: 'bad' }, ...strange], []);
    const attempts = named('process').filter(({ attributes }) => attributes['error.type'] === 'failed');
    expect(attempts.map(({ attributes }) => attributes['cgroup.attempt'])).toEqual([1, 2]);
    expect(attempts[0]?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no' });
    expect(attempts[0]?.parentId).toBeUndefined();
    expect(named('process').filter(({ parentId }) => parentId !== undefined)).toEqual([]);
    expect(named('process').map(({ attributes }) => attributes['error.type'])).toContain('invalid-json');
    const buried = named('bury').flatMap(({ links }) => links);
    expect(buried).toContain(attempts[1]?.spanId);
    expect(buried).toHaveLength(2);
  });

  it('counts batches, and links no more spans than an SDK keeps', async () => {
    const group = await groupOn(shared.url);
    const many = Array.from({ length: 300 }, (_, n) => ({ ...published, message_id: n }));
    const { named } = await traced(group, many, []);
    const sum = (operation: string) =>
      named(operation).reduce(
        (all, { attributes }) => all + Number(attributes['messaging.batch.message_count']),
        0,
      );
    expect([sum('relay'), sum('commit'), named('process').length]).toEqual([300, 300, 300]);
    for (const { links } of [...named('relay'), ...named('commit')])
      expect(links.length).toBeLessThanOrEqual(128);
  });
});
