import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { MOST_CONSUMERS } from '../core/control.js';
import { type SettingProblem, SettingsError } from '../core/errors.js';
import { kindOfProcessor, REMOTE } from '../core/processor-kind.js';
import { hostAndPort } from '../core/redis-address.js';
import { maskUrls } from '../log/redaction.js';
import { isLoopback } from './addresses.js';
import { formatDuration } from './durations.js';
import { nearest } from './nearest.js';
import { durationNames, type SettingName, type Settings, type SettingsInput } from './settings.js';
import {
  autoOrWhole,
  choice,
  duration,
  hostName,
  listen,
  name,
  processor,
  redisUrl,
  size,
  slotName,
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
  channel: name()
    .prefault('messages:published')
    .describe('the Pub/Sub channel that messages are published on'),
  output: slotName().prefault('messages:processed').describe('the stream that results are written to'),
  consumerList: slotName()
    .prefault('consumer:ids')
    .describe('the list that holds the ids of the live consumers'),
  group: name().prefault('cgroup').describe('the name of the consumer group on the inbox stream'),
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
  logLevel: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .prefault('info')
    .describe('least severe log lines shown'),
  logFormat: choice(['pretty', 'json'])
    .optional()
    .describe('how log lines look; pretty on a terminal, json elsewhere, unless set'),
});

/** Settings whose value is never shown, even if it is wrong. `redis` is shown without its password. */
export const secretSettings: ReadonlySet<SettingName> = new Set(['redis', 'httpToken']);

/** The names of all settings, in the order of the documentation. */
export const settingNames = Object.keys(settingsSchema.shape) as readonly SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(settingsSchema.shape, name);
}

/**
 * Checks settings and fills in the defaults.
 *
 * @throws {SettingsError} naming every unknown or wrong setting, and what is allowed.
 */
export function parseSettings(input: unknown): Settings {
  const parsed = settingsSchema.safeParse(input);
  const problems = parsed.success ? [] : problemsOf(parsed.error.issues, input);
  problems.push(...brokenRules(input));
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems);
  return parsed.data;
}

/**
 * Checks what a program gives: durations may be whole numbers of milliseconds too, the processor's path a `URL`.
 *
 * @throws {SettingsError} as {@link parseSettings} does
 */
export function parseOptions(options: SettingsInput): Settings {
  const written: Record<string, unknown> = { ...options };
  for (const name of durationNames)
    if (Number.isSafeInteger(written[name]) && Number(written[name]) >= 0)
      written[name] = `${written[name]}ms`;
  if (options.processor instanceof URL) written.processor = pathOf(options.processor);
  return parseSettings(written);
}

/** The path of a file: URL of this machine, the text of a service's; any other URL as it is, for the schema to refuse. */
function pathOf(url: URL): string | URL {
  if (kindOfProcessor(url.href) === 'service') return url.href;
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

/** The problem of one setting's value, without the rules between settings; undefined if it is right. */
export function problemOf(setting: SettingName, value: unknown): SettingProblem | undefined {
  const parsed = settingsSchema.shape[setting].safeParse(value);
  return parsed.success ? undefined : wrongValue(setting, value, parsed.error.issues[0]?.message);
}

/** The problem of a name that is no setting's. */
export function unknownSetting(name: string): SettingProblem {
  const meant = nearest(name, settingNames);
  const hint = meant ? `did you mean "${meant}"?` : `there are ${settingNames.join(', ')}`;
  return { setting: name, message: `there is no setting ${JSON.stringify(name)}; ${hint}` };
}

/** The settings of each rule. Other settings in the input are ignored. */
const { bridge, claimAfter, heartbeat, http, httpToken, managed, output, consumerList } =
  settingsSchema.shape;
const working = z.object({ managed, processor: settingsSchema.shape.processor });
const naming = z.object({ output, consumerList });
const beating = z.object({ claimAfter, heartbeat });
const serving = z.object({ http, httpToken });
const running = z.object({ bridge, managed });

/**
 * The broken rules between settings. The setting of a problem is one that was given, not a default. A rule is not
 * checked if one of its values is wrong alone.
 */
export function brokenRules(input: unknown): SettingProblem[] {
  return [oneKey(input), tooSilent(input), tooOpen(input), idle(input), uncounted(input)].filter(
    (problem) => problem !== undefined,
  );
}

function oneKey(input: unknown): SettingProblem | undefined {
  const parsed = naming.safeParse(input);
  if (!parsed.success || parsed.data.output !== parsed.data.consumerList) return undefined;
  const given = (input as SettingsInput).consumerList === undefined ? 'output' : 'consumerList';
  const message = `output and consumerList must be two keys: a stream and a list; got ${show(parsed.data.output)} for both`;
  return { setting: given, message };
}

function tooSilent(input: unknown): SettingProblem | undefined {
  const parsed = beating.safeParse(input);
  if (!parsed.success) return undefined;
  const { claimAfter, heartbeat } = parsed.data;
  // A consumer that missed one beat is not silent yet.
  if (claimAfter >= 2 * heartbeat) return undefined;
  const given = (input as SettingsInput).claimAfter === undefined ? 'heartbeat' : 'claimAfter';
  const numbers = `${formatDuration(2 * heartbeat)}; got ${formatDuration(claimAfter)}`;
  const message = `claimAfter must be at least twice heartbeat, ${numbers}`;
  return { setting: given, message };
}

function tooOpen(input: unknown): SettingProblem | undefined {
  const parsed = serving.safeParse(input);
  const at = parsed.data?.http;
  if (!at || isLoopback(at.host) || parsed.data?.httpToken !== undefined) return undefined;
  const message = `http beyond this machine needs httpToken, a secret of your own; got ${hostAndPort(at)}`;
  return { setting: 'http', message };
}

function idle(input: unknown): SettingProblem | undefined {
  const { data } = running.safeParse(input);
  if (!data?.managed || data.bridge !== 'only') return undefined;
  const message =
    'managed is for processes with consumers, and with bridge only there are none: leave one out';
  return { setting: 'managed', message };
}

/** With remote workers there are as many consumers as workers are connected. */
function uncounted(input: unknown): SettingProblem | undefined {
  const { data } = working.safeParse(input);
  if (data?.processor !== REMOTE || !data.managed) return undefined;
  const message =
    'processor remote runs a consumer for each worker that is connected, so it cannot be managed: leave one out';
  return { setting: 'managed', message };
}

/** One problem for each setting, however many of its checks failed. */
function problemsOf(issues: readonly z.core.$ZodIssue[], input: unknown): SettingProblem[] {
  const problems = new Map<string, SettingProblem>();
  for (const issue of issues) {
    const setting = String(issue.path[0] ?? '');
    if (issue.code === 'unrecognized_keys')
      for (const key of issue.keys) problems.set(key, unknownSetting(key));
    else if (setting === '') problems.set('', { setting, message: 'settings must be an object' });
    else if (!problems.has(setting))
      problems.set(setting, wrongValue(setting, (input as Record<string, unknown>)[setting], issue.message));
  }
  return [...problems.values()];
}

function wrongValue(setting: string, value: unknown, rule = 'is wrong'): SettingProblem {
  // A wrong secret must not get into the log either.
  const got = secretSettings.has(setting as SettingName) ? '' : `; got ${maskUrls(show(value))}`;
  return { setting, message: `${setting} ${rule}${got}` };
}

/** A value in a few words, whatever it is: a config file written in JavaScript may hold anything. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (value instanceof URL) return JSON.stringify(value.href);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
