import * as z from 'zod';
import type { SettingProblem } from '../core/errors.js';
import { hashTagOf } from '../core/hash-tag.js';
import { REMOTE } from '../core/processor-kind.js';
import { recordsInPostgres, recordsInRedis } from '../core/record.js';
import { hostAndPort, parseRedisUrl } from '../core/redis-address.js';
import { isLoopback } from './addresses.js';
import { formatDuration } from './durations.js';
import { READ_ONCE, settingsSchema, show, withOrderDefaults } from './schema.js';
import type { SettingName, SettingsInput } from './settings.js';

// The rules between settings: which values do not go together.

/** The settings of each rule. Other settings in the input are ignored. */
const { bridge, claimAfter, heartbeat, http, httpToken, managed, output, consumerList } =
  settingsSchema.shape;
const { redis, redisCa, redisCert, redisKey, redisServerName } = settingsSchema.shape;
const { lanes, channel, list, stream, order, orderKey, onDead, record, recordTable, recordSql } =
  settingsSchema.shape;
const working = z.object({ managed, processor: settingsSchema.shape.processor });
const naming = z.object({ output, consumerList, list, stream });
const coming = z.object({ channel: channel.unwrap().optional(), list, stream });
const sharding = z.object({ sharded: settingsSchema.shape.sharded, channel, list, stream });
const ordering = z.object({ order, orderKey, onDead });
const recording = z.object({ record, recordTable, recordSql });
const dealing = z.object({ lanes, list, stream, order, record });
const beating = z.object({ claimAfter, heartbeat });
const serving = z.object({ http, httpToken });
const acting = z.object({ httpToken, httpActions: settingsSchema.shape.httpActions });
const entering = z.object({ redis, redisCa, redisCert, redisKey, redisServerName });
const running = z.object({ bridge, managed });

/**
 * The broken rules between settings. The setting of a problem is one that was given, not a default. A rule is not
 * checked if one of its values is wrong alone.
 */
export function brokenRules(input: unknown): SettingProblem[] {
  const rules = [
    oneKey,
    oneSource,
    unsharded,
    tooSilent,
    tooOpen,
    unguarded,
    idle,
    uncounted,
    unordered,
    unrecorded,
    undealt,
    unencrypted,
  ];
  return rules.map((rule) => rule(input)).filter((problem) => problem !== undefined);
}

function oneKey(input: unknown): SettingProblem | undefined {
  const { data } = naming.safeParse(input, READ_ONCE);
  if (!data) return undefined;
  const keys = [data.output, data.consumerList, data.list, data.stream].filter((key) => key !== undefined);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice === undefined) return undefined;
  const { list, stream, consumerList } = input as SettingsInput;
  const given =
    list === twice
      ? 'list'
      : stream === twice
        ? 'stream'
        : consumerList === undefined
          ? 'output'
          : 'consumerList';
  const message = `output, consumerList and list or stream must be different keys; got ${show(twice)} twice`;
  return { setting: given, message };
}

function oneSource(input: unknown): SettingProblem | undefined {
  const { data } = coming.safeParse(input, READ_ONCE);
  const given = (['stream', 'list', 'channel'] as const).filter((name) => data?.[name] !== undefined);
  const [setting, other] = given;
  if (!setting || !other) return undefined;
  const message = `messages come from one of channel, list and stream: ${other} is set too; leave one out`;
  return { setting, message };
}

function unsharded(input: unknown): SettingProblem | undefined {
  const { data } = sharding.safeParse(input, READ_ONCE);
  if (!data?.sharded) return undefined;
  const { list, stream } = data;
  if (list !== undefined || stream !== undefined)
    return { setting: 'sharded', message: 'sharded is for a channel: leave it out, or list and stream' };
  if (hashTagOf(data.channel) !== undefined) return undefined;
  const message =
    'a sharded channel with a } needs a hash tag, such as {orders}:published: the channel of the marks must be in its hash slot; ' +
    `got ${show(data.channel)}`;
  return { setting: (input as SettingsInput).channel === undefined ? 'sharded' : 'channel', message };
}

function tooSilent(input: unknown): SettingProblem | undefined {
  const parsed = beating.safeParse(withOrderDefaults(input), READ_ONCE);
  if (!parsed.success) return undefined;
  const { claimAfter, heartbeat } = parsed.data;
  // A consumer that missed one beat is not silent yet.
  if (claimAfter >= 2 * heartbeat) return undefined;
  const given = (input as SettingsInput).claimAfter === undefined ? 'heartbeat' : 'claimAfter';
  const numbers = `${formatDuration(2 * heartbeat)}; got ${formatDuration(claimAfter)}`;
  const message = `claimAfter must be at least twice heartbeat, ${numbers}`;
  return { setting: given, message };
}

/** A certificate and its key go together, and both need TLS. */
function unencrypted(input: unknown): SettingProblem | undefined {
  const { data } = entering.safeParse(input, READ_ONCE);
  if (!data) return undefined;
  const { redis, ...files } = data;
  const [setting] = (Object.keys(files) as (keyof typeof files)[]).filter(
    (name) => files[name] !== undefined,
  );
  if (setting === undefined) return undefined;
  if (!parseRedisUrl(redis).tls)
    return {
      setting,
      message: `${setting} is for TLS: write redis as rediss://… (or rediss-sentinel://…), or leave it out`,
    };
  if (files.redisCert !== undefined && files.redisKey === undefined)
    return { setting: 'redisCert', message: 'redisCert needs redisKey, the key of the certificate' };
  if (files.redisKey !== undefined && files.redisCert === undefined)
    return { setting: 'redisKey', message: 'redisKey needs redisCert, the certificate of the key' };
  return undefined;
}

function tooOpen(input: unknown): SettingProblem | undefined {
  const parsed = serving.safeParse(input, READ_ONCE);
  const at = parsed.data?.http;
  if (!at || isLoopback(at.host) || parsed.data?.httpToken !== undefined) return undefined;
  const message = `http beyond this machine needs httpToken, a secret of your own; got ${hostAndPort(at)}`;
  return { setting: 'http', message };
}

function unguarded(input: unknown): SettingProblem | undefined {
  const { data } = acting.safeParse(input, READ_ONCE);
  if (!data?.httpActions || data.httpToken !== undefined) return undefined;
  const message =
    'httpActions needs httpToken, a secret of your own: export CGROUP_HTTP_TOKEN=$(openssl rand -hex 16)';
  return { setting: 'httpActions', message };
}

function idle(input: unknown): SettingProblem | undefined {
  const { data } = running.safeParse(input, READ_ONCE);
  if (!data?.managed || data.bridge !== 'only') return undefined;
  const message =
    'managed is for processes with consumers, and with bridge only there are none: leave one out';
  return { setting: 'managed', message };
}

/** With remote workers there are as many consumers as workers are connected. */
function uncounted(input: unknown): SettingProblem | undefined {
  const { data } = working.safeParse(input, READ_ONCE);
  if (data?.processor !== REMOTE || !data.managed) return undefined;
  const message =
    'processor remote runs a consumer for each worker that is connected, so it cannot be managed: leave one out';
  return { setting: 'managed', message };
}

function unordered(input: unknown): SettingProblem | undefined {
  const { data } = ordering.safeParse(input, READ_ONCE);
  if (!data) return undefined;
  const { order, orderKey, onDead } = data;
  if (order === 'key' && orderKey === undefined)
    return { setting: 'order', message: 'order key needs orderKey, where the key is: orderKey customer.id' };
  if (order !== 'key' && orderKey !== undefined)
    return { setting: 'orderKey', message: 'orderKey is for order key: set order to key, or leave it out' };
  if (order === 'none' && onDead === 'halt')
    return { setting: 'onDead', message: 'onDead halt needs an order: total or key' };
  return undefined;
}

/** Messages of several lanes have no common order, and are in no common transaction. */
function undealt(input: unknown): SettingProblem | undefined {
  const { data } = dealing.safeParse(input, READ_ONCE);
  if (!data || data.lanes === 1) return undefined;
  const setting = 'lanes';
  if (data.order === 'total')
    return {
      setting,
      message: 'lanes have no order among them, so order total needs lanes 1; order key goes with any number',
    };
  if (data.record !== undefined)
    return { setting, message: 'with a record there is one lane: set lanes to 1, or leave out record' };
  const pulled = data.list === undefined ? (data.stream === undefined ? undefined : 'stream') : 'list';
  if (pulled) return { setting, message: `lanes are for a channel: set lanes to 1, or leave out ${pulled}` };
  return undefined;
}

function unrecorded(input: unknown): SettingProblem | undefined {
  const { data } = recording.safeParse(input, READ_ONCE);
  if (!data || recordsInPostgres(data)) return undefined;
  const inRedis = recordsInRedis(data) ? ', not in Redis' : '';
  const needs = (setting: SettingName) => ({
    setting,
    message: `${setting} needs a record in PostgreSQL${inRedis}: record postgres://…`,
  });
  if (data.recordSql !== undefined) return needs('recordSql');
  const { recordTable: table } = input as SettingsInput;
  return inRedis && table !== undefined ? needs('recordTable') : undefined;
}
