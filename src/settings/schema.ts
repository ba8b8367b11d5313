import * as z from 'zod';
import { MOST_CONSUMERS } from '../core/control.js';
import type { SettingProblem } from '../core/errors.js';
import { MOST_LANES } from '../core/lanes.js';
import { maskUrls } from '../log/redaction.js';
import { nearest } from './nearest.js';
import type { SettingName, SettingsInput } from './settings.js';
import {
  autoOrWhole,
  choice,
  duration,
  hostName,
  keyPath,
  listen,
  name,
  path,
  pem,
  processor,
  record,
  redisUrl,
  size,
  slotName,
  tableName,
  toggle,
  token,
  whole,
} from './values.js';

/**
 * The one schema of all settings. Flags, environment variables, the config file, `--help`,
 * `config/schema.json` and docs/settings.md all come from here.
 *
 * Durations are written `250ms`, `3s`, `2m`, `1h` and are milliseconds after parsing; sizes are written `64mb`
 * and are bytes.
 */

/**
 * Each setting with its default and its description. The defaults are written as a user writes them.
 * The order is that of `--help` and docs/settings.md.
 */
export const settingsSchema = z.strictObject({
  size: whole(1, MOST_CONSUMERS).prefault(3).describe('how many consumers this process runs'),
  redis: redisUrl()
    .prefault('redis://127.0.0.1:6379')
    .describe(
      'the URL of Redis; one with a password is better set in the environment than in a flag, ' +
        'which others on the machine can see',
    ),
  redisCa: pem()
    .optional()
    .describe(
      'a file with the certificate of the CA that signed the certificate of Redis, or the PEM text itself; for rediss://',
    ),
  redisCert: pem()
    .optional()
    .describe('the certificate to show to Redis, a file or the PEM text itself; needs redisKey'),
  redisKey: pem().optional().describe('the key of redisCert, a file or the PEM text itself'),
  redisServerName: name()
    .optional()
    .describe('the name that the certificate of Redis must have, if it is not the host of the URL'),
  minReplicas: whole(0, 100)
    .prefault(0)
    .describe(
      'how many replicas must have a message or a result before it counts as relayed or settled (WAIT); 0 does not wait, ' +
        'so a fail-over may lose the last moments',
    ),
  channel: name()
    .prefault('messages:published')
    .describe('the Pub/Sub channel that messages are published on'),
  sharded: toggle()
    .prefault(false)
    .describe(
      'the channel is a sharded one: publishers use SPUBLISH, and on a Cluster each message goes to the node of the channel only; ' +
        'needs Redis 7 or newer',
    ),
  list: name()
    .optional()
    .describe('take the messages from this list instead of a channel; they leave it in the same moment'),
  listFrom: choice(['left', 'right'])
    .prefault('left')
    .describe('the end of the list to take from: left if producers RPUSH, right if they LPUSH'),
  stream: name()
    .optional()
    .describe('read the messages of this stream instead of a channel, from its beginning; they stay in it'),
  output: slotName()
    .prefault('messages:processed')
    .describe('the stream or list that results are written to'),
  outputType: choice(['stream', 'list'])
    .prefault('stream')
    .describe('what the output is: a stream, or a list to which each result is appended as one JSON object'),
  lanes: whole(1, MOST_LANES)
    .prefault(1)
    .describe(
      'into how many outputs the messages are dealt, OUTPUT:{0} and so on, each with an inbox and dead letters of its own at a node of a Cluster; ' +
        'the same in all processes; more than one needs a Cluster',
    ),
  consumerList: slotName()
    .prefault('consumer:ids')
    .describe('the list that holds the ids of the live consumers'),
  group: name().prefault('cgroup').describe('the name of the consumer group on the inbox stream'),
  order: choice(['none', 'total', 'key'])
    .prefault('none')
    .describe(
      'none: each result leaves when it is ready; total: results leave in the order in which messages came in; key: messages ' +
        'with the same key are processed one after the other; with an order, heartbeat is 250ms and claimAfter 1s unless set',
    ),
  orderKey: keyPath()
    .optional()
    .describe(
      'where the key of a message is for order key, such as customer.id; a message without it has no order',
    ),
  orderWindow: whole(1, 1_000_000)
    .prefault(10_000)
    .describe('results that may wait for earlier ones with order total; beyond it no new message is begun'),
  onDead: choice(['skip', 'halt'])
    .prefault('skip')
    .describe(
      'with an order, after a dead letter: skip goes on; halt lets what follows it wait (its key, or everything) until ' +
        'cgroup dead retry or dead skip',
    ),
  record: record()
    .optional()
    .describe(
      'also write what became of each message to a system of record, exactly once: redis, a hash per message in the same Redis; ' +
        'or the postgres:// URL of a database, a row per result; one with a password is better set in the environment',
    ),
  recordTable: tableName()
    .prefault('cgroup_messages')
    .describe('the table of the record in PostgreSQL, NAME or SCHEMA.NAME; made if it is missing'),
  recordSql: path()
    .optional()
    .describe(
      'a file with one SQL statement of your own, run in the transaction that writes the rows; $1 is a jsonb array of the ' +
        'rows that are new',
    ),
  processor: processor()
    .optional()
    .describe(
      'what processes a message: the path of a module with a function as its default export; exec:COMMAND, a program ' +
        'that reads and writes lines; the http:// or https:// URL of a service; or remote, for workers that connect to ' +
        'http. Without it the built-in one adds a random property',
    ),
  threads: autoOrWhole(0, 1_000)
    .prefault('auto')
    .describe(
      'threads that run the module of the processor; 0 runs it on the main thread; ' +
        'auto: one less than there are cores, at least one; never more than consumers',
    ),
  simulateMs: whole(0, 3_600_000)
    .prefault(0)
    .describe('the built-in processor waits so many milliseconds per message'),
  managed: toggle()
    .prefault(false)
    .describe(
      'run as many consumers as the group gives this process: see cgroup scale; size is ignored then',
    ),
  capacity: whole(1, MOST_CONSUMERS).prefault(64).describe('most consumers that a managed process runs'),
  host: hostName()
    .optional()
    .describe('the name of the host: the consumers of managed processes are spread evenly over hosts'),
  monitor: toggle().prefault(false).describe('print the messages per second of the whole group'),
  interval: duration(100).prefault('3s').describe('time between two lines of the monitor'),
  concurrency: whole(1, 10_000).prefault(1).describe('messages that one consumer processes at a time'),
  batch: autoOrWhole(1, 5_000)
    .prefault('auto')
    .describe('most messages a consumer reads at once; auto adapts to the speed of the processor'),
  maxAttempts: whole(1, 1_000)
    .prefault(5)
    .describe('failed attempts after which a message becomes a dead letter'),
  backoff: duration()
    .prefault('200ms')
    .describe('wait before the second attempt; doubles with each further one, up to 30s, with jitter'),
  timeout: duration().prefault('60s').describe('time that one attempt may take'),
  outputMaxLen: whole(0)
    .prefault(0)
    .describe('trim the output to about so many entries (this deletes results, read or not); 0 keeps all'),
  deadMaxLen: whole(0)
    .prefault(0)
    .describe('keep about so many dead letters, the newest (this deletes the others); 0 keeps all'),
  claimAfter: duration(200)
    .prefault('3s')
    .describe(
      'silence after which the messages of a consumer are given to others; at least twice the heartbeat',
    ),
  heartbeat: duration(50).prefault('1s').describe('time between two signs of life of the consumers'),
  lease: duration(200)
    .prefault('1s')
    .describe('silence of the leading bridge after which another one takes the lead'),
  shutdownTimeout: duration(100)
    .prefault('10s')
    .describe('time that a clean stop may take; what is not finished by then is handed back'),
  bridge: choice(['auto', 'off', 'only'])
    .prefault('auto')
    .describe('auto: a bridge and consumers; off: consumers only; only: a bridge without consumers'),
  bridges: whole(1, 16)
    .prefault(2)
    .describe('how many bridges of the group are subscribed at a time; others wait'),
  retain: duration(0)
    .prefault('5s')
    .describe(
      'how long a bridge keeps what is relayed, at most 64 MB of it, for a Redis that comes back with an older state',
    ),
  bufferLimit: size()
    .prefault('512mb')
    .describe(
      'most that a bridge keeps while Redis takes nothing; beyond it the oldest messages are dropped',
    ),
  embedded: toggle()
    .prefault(false)
    .describe('start a private Redis for this run, from the redis-server or valkey-server on the PATH'),
  http: listen()
    .optional()
    .describe(
      'where this process serves its live page, metrics and health; 127.0.0.1 unless a host is given; ' +
        'beyond this machine only with httpToken',
    ),
  httpToken: token()
    .optional()
    .describe(
      'what a client of http must know, 16 characters or more: as bearer token, or in a browser as password of any user; ' +
        'better set in the environment than in a flag, which others on the machine can see',
    ),
  httpActions: toggle()
    .prefault(false)
    .describe(
      'whether clients of http who know httpToken may retry, skip and purge dead letters, pause and resume the group, scale and drain it',
    ),
  logLevel: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .describe('least severe log lines shown'),
  logFormat: choice(['pretty', 'json'])
    .optional()
    .describe('how log lines look; pretty on a terminal, json elsewhere, unless set'),
});

/** How a schema is used: zod would compile a parser first, which pays for many values, and settings are read once. */
export const READ_ONCE = { jitless: true } as const;

/** Settings whose value is never shown, even if it is wrong. `redis` and `record` are shown without their password. */
export const secretSettings: ReadonlySet<SettingName> = new Set(['redis', 'redisKey', 'httpToken', 'record']);

/** The names of all settings, in the order of the documentation. */
export const settingNames = Object.keys(settingsSchema.shape) as readonly SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsSchema.shape, name);
}

/** With an order, a silent consumer holds back others: so by default it counts as silent sooner. */
const ORDER_DEFAULTS = { heartbeat: '250ms', claimAfter: '1s' } as const satisfies SettingsInput;

/** Settings as given, with the defaults that depend on others. */
export function withOrderDefaults(input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input;
  const { order } = input as SettingsInput;
  if (order === undefined || order === 'none') return input;
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  return { ...ORDER_DEFAULTS, ...Object.fromEntries(given) };
}

/** The problem of one setting's value, without the rules between settings; undefined if it is right. */
export function problemOf(setting: SettingName, value: unknown): SettingProblem | undefined {
  const parsed = settingsSchema.shape[setting].safeParse(value, READ_ONCE);
  return parsed.success ? undefined : wrongValue(setting, value, parsed.error.issues[0]?.message);
}

/** The problem of a name that is no setting's. */
export function unknownSetting(name: string): SettingProblem {
  const meant = nearest(name, settingNames);
  const hint = meant ? `did you mean "${meant}"?` : `there are ${settingNames.join(', ')}`;
  return { setting: name, message: `there is no setting ${JSON.stringify(name)}; ${hint}` };
}

/** The problem of a value that breaks a rule of its setting. */
export function wrongValue(setting: string, value: unknown, rule = 'is wrong'): SettingProblem {
  // A wrong secret must not get into the log either.
  const got = secretSettings.has(setting as SettingName) ? '' : `; got ${maskUrls(show(value))}`;
  return { setting, message: `${setting} ${rule}${got}` };
}

/** A value in a few words, whatever it is: a config file written in JavaScript may hold anything. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (value instanceof URL) return JSON.stringify(value.href);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
