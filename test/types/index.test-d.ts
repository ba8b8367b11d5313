// The types that a user of the library meets. Nothing here runs: `npm run check` compiles it (tsc --noEmit), and
// fails where a type is not the one written here, or where a line marked as an error is none.

import { expectTypeOf } from 'vitest';
import type { z } from 'zod';
import {
  type AutoscaleRule,
  type CgroupError,
  ConsumerGroup,
  type ConsumerStatus,
  type Context,
  type Control,
  type ControlEvent,
  type DeadReason,
  type ErrorCode,
  type Failure,
  type GroupClient,
  type GroupEvents,
  type GroupOptions,
  type GroupStatus,
  type Logger,
  type Message,
  type Processor,
  type ProcessStatus,
  RemoteWorker,
  type RemoteWorkerEvents,
  type RemoteWorkerOptions,
  type SettingProblem,
  type Settings,
  type SettingsError,
  type SettingsInput,
} from '../../src/index.js';
import type { settingsSchema } from '../../src/settings/schema.js';

// Making a group: everything may be left out, settings are written as in the config file.
expectTypeOf<typeof ConsumerGroup>().toBeConstructibleWith();
expectTypeOf<typeof ConsumerGroup>().toBeConstructibleWith({});
expectTypeOf<typeof ConsumerGroup>().toBeConstructibleWith({
  size: 5,
  redis: 'redis://127.0.0.1:6379',
  batch: 'auto',
  timeout: '60s',
  bridge: 'only',
  processor: async (message) => ({ ...message, seen: true }),
});
expectTypeOf<Omit<GroupOptions, 'processor'>>().toExtend<Omit<SettingsInput, 'processor'>>();
// The types of the settings are written down apart from the schema, and are those of the schema.
expectTypeOf<z.output<typeof settingsSchema>>().toEqualTypeOf<{
  -readonly [Name in keyof Settings]: Settings[Name];
}>();
expectTypeOf<SettingsInput['bridge']>().toEqualTypeOf<'auto' | 'off' | 'only' | undefined>();
expectTypeOf<SettingsInput['batch']>().toEqualTypeOf<number | 'auto' | undefined>();
expectTypeOf<SettingsInput['backoff']>().toEqualTypeOf<string | number | undefined>();
expectTypeOf<SettingsInput['processor']>().toEqualTypeOf<string | URL | undefined>();

// @ts-expect-error an unknown setting
new ConsumerGroup({ sizes: 5 });
// @ts-expect-error a number is a text here
new ConsumerGroup({ size: '5' });
new ConsumerGroup({ timeout: 60_000, processor: new URL('file:///handler.mjs') });
// @ts-expect-error a size is written with its unit
new ConsumerGroup({ bufferLimit: 1_000 });
// @ts-expect-error no such choice
new ConsumerGroup({ bridge: 'maybe' });
// @ts-expect-error there is one way to give a processor
new ConsumerGroup({ process: () => 1 });

// The settings in use: all of them, durations in ms.
declare const group: ConsumerGroup;
expectTypeOf(group.settings).toEqualTypeOf<Settings>();
expectTypeOf<Settings['size']>().toEqualTypeOf<number>();
expectTypeOf<Settings['timeout']>().toEqualTypeOf<number>();
expectTypeOf<Settings['processor']>().toEqualTypeOf<string | undefined>();
expectTypeOf<keyof SettingsInput>().toEqualTypeOf<keyof Settings>();

expectTypeOf(group.start).toEqualTypeOf<() => Promise<void>>();
expectTypeOf(group.stop).toEqualTypeOf<() => Promise<void>>();
expectTypeOf(group.status).toEqualTypeOf<() => Promise<GroupStatus>>();

// A processor: a message and its context in, anything out.
expectTypeOf<Processor>().toEqualTypeOf<(message: Message, context: Context) => unknown>();
expectTypeOf<(message: Message) => Promise<{ a: number }>>().toExtend<Processor>();
expectTypeOf<() => null>().toExtend<Processor>();
expectTypeOf<(message: string) => unknown>().not.toExtend<Processor>();
expectTypeOf<Message['message_id']>().toEqualTypeOf<string | number>();
expectTypeOf<Message['anything']>().toEqualTypeOf<unknown>();
// A result may add to the message, which itself is not to be changed.
const processor: Processor = (message, context) => {
  // @ts-expect-error the id stays as it was published
  message.message_id = 'other';
  expectTypeOf(context.consumerId).toEqualTypeOf<string>();
  expectTypeOf(context.inboxId).toEqualTypeOf<string>();
  expectTypeOf(context.attempt).toEqualTypeOf<number>();
  expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
  expectTypeOf(context.log).toEqualTypeOf<Logger>();
  expectTypeOf(context.deadLetter).toEqualTypeOf<(reason: string) => never>();
  if (context.attempt > 3) context.deadLetter('enough');
  return { ...message, attempt: context.attempt };
};
expectTypeOf(processor).toBeFunction();
// What the messages look like may be said; the group is then one of such messages.
interface Order extends Message {
  readonly price: number;
}
const price: Processor<Order, { readonly total: number }> = async ({ price }) => ({ total: price * 2 });
expectTypeOf(new ConsumerGroup({ processor: price })).toEqualTypeOf<ConsumerGroup<Order>>();
// @ts-expect-error no such result
const wrong: Processor<Order, { readonly total: number }> = async () => ({ totals: 1 });
expectTypeOf(wrong).toBeFunction();
expectTypeOf(group).toExtend<AsyncDisposable>();

// Events: their names and what they carry.
expectTypeOf<keyof GroupEvents>().toEqualTypeOf<
  'ready' | 'leading' | 'gap' | 'failure' | 'settled' | 'scaled' | 'paused' | 'resumed' | 'lost'
>();
group.on('ready', (...args) => expectTypeOf(args).toEqualTypeOf<[]>());
group.on('leading', (...args) => expectTypeOf(args).toEqualTypeOf<[]>());
group.on('scaled', (consumers) => expectTypeOf(consumers).toEqualTypeOf<number>());
group.on('paused', (...args) => expectTypeOf(args).toEqualTypeOf<[]>());
group.on('resumed', (...args) => expectTypeOf(args).toEqualTypeOf<[]>());
expectTypeOf(group.scale).toEqualTypeOf<(size: number) => Promise<void>>();
expectTypeOf(group.pause).toEqualTypeOf<() => Promise<void>>();
expectTypeOf(group.resume).toEqualTypeOf<() => Promise<void>>();
group.on('gap', (gap) => {
  expectTypeOf(gap).toEqualTypeOf<{
    readonly reason: string;
    readonly since: number | undefined;
    readonly until?: number | undefined;
    readonly dropped: number;
  }>();
});
group.on('failure', (failure) => {
  expectTypeOf(failure).toEqualTypeOf<Failure>();
  expectTypeOf(failure.reason).toEqualTypeOf<DeadReason>();
});
group.once('settled', (count) => {
  expectTypeOf(count).toEqualTypeOf<{
    readonly processed: number;
    readonly retried: number;
    readonly dead: number;
  }>();
});
group.on('lost', (count) => expectTypeOf(count).toEqualTypeOf<number>());
// @ts-expect-error no such event
group.on('reddy', () => {});
// @ts-expect-error it carries a number
group.on('lost', (ids: string[]) => ids);

// The reasons of dead letters, and the codes of errors, are closed lists.
expectTypeOf<DeadReason>().toEqualTypeOf<'invalid-json' | 'no-message-id' | 'failed' | 'timeout'>();
expectTypeOf<CgroupError['code']>().toEqualTypeOf<ErrorCode>();
expectTypeOf<'REDIS_UNREACHABLE' | 'KEY_TYPE' | 'STATE'>().toExtend<ErrorCode>();
expectTypeOf<string>().not.toExtend<ErrorCode>();
expectTypeOf<CgroupError>().toExtend<Error>();
expectTypeOf<SettingsError>().toExtend<CgroupError>();
expectTypeOf<SettingsError['problems']>().toEqualTypeOf<readonly SettingProblem[]>();

// A status has what the design promises.
expectTypeOf<GroupStatus>().toExtend<{
  readonly group: string;
  readonly channel: string;
  readonly source: { readonly kind: 'channel' | 'list' | 'stream'; readonly name: string };
  readonly output: string;
  readonly leader: string | null;
  readonly waiting: number;
  readonly pending: number;
  readonly retrying: number;
  readonly backlog: number;
  readonly lagMs: number;
}>();
expectTypeOf<GroupStatus['consumers']>().toEqualTypeOf<readonly ConsumerStatus[]>();
expectTypeOf<ConsumerStatus>().toEqualTypeOf<{
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly pending: number;
  readonly processed: number;
  readonly process: string | null;
}>();
expectTypeOf<GroupStatus['counters']>().toExtend<
  Record<'relayed' | 'processed' | 'failed' | 'retried' | 'dead' | 'gaps', number>
>();

expectTypeOf<GroupStatus['control']>().toExtend<{
  readonly size: number | null;
  readonly paused: boolean;
  readonly autoscale: AutoscaleRule | null;
  readonly revision: number;
  readonly drained: readonly string[];
}>();
expectTypeOf<GroupStatus['processes']>().toExtend<
  readonly {
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    readonly managed: boolean;
    readonly capacity: number;
    readonly share: number | null;
    readonly consumers: number;
    readonly drained: boolean;
  }[]
>();

// The control of a group, from outside.
declare const client: GroupClient;
expectTypeOf(client.scale(20, { why: 'sale', revision: 3 })).resolves.toEqualTypeOf<Control>();
expectTypeOf(client.scale({ max: 100, drainWithin: 10_000 })).resolves.toEqualTypeOf<Control>();
// @ts-expect-error no such bound
client.scale({ most: 100 });
expectTypeOf(client.pause({ why: 'upgrade' })).resolves.toEqualTypeOf<Control>();
expectTypeOf(client.resume()).resolves.toEqualTypeOf<Control>();
expectTypeOf(client.drain('web1')).resolves.toEqualTypeOf<Control>();
expectTypeOf(client.processes()).resolves.toEqualTypeOf<ProcessStatus[]>();
expectTypeOf(client.events()).resolves.toEqualTypeOf<ControlEvent[]>();

// Any logger like pino's will do.
declare const pinoLike: Record<
  'debug' | 'info' | 'warn' | 'error',
  (fields: object, text: string) => void
> & {
  child(fields: Record<string, unknown>): Logger;
};
expectTypeOf(pinoLike).toExtend<Logger>();

// A remote worker: its address is all that it must have.
expectTypeOf<typeof RemoteWorker>().toBeConstructibleWith({ connect: 'ws://a:9464/workers' });
new RemoteWorker({
  connect: ['ws://a/', 'ws://b/'],
  processor: (message) => message.message_id,
  timeout: 500,
});
// @ts-expect-error without an address
new RemoteWorker({});
// @ts-expect-error no setting of a worker
new RemoteWorker({ connect: 'ws://a/', size: 3 });
expectTypeOf<RemoteWorkerOptions['concurrency']>().toEqualTypeOf<number | undefined>();
expectTypeOf<RemoteWorkerEvents['disconnected']>().toEqualTypeOf<
  [end: { readonly url: string; readonly why: string }]
>();
