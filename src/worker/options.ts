import { hostname } from 'node:os';
import { type SettingProblem, SettingsError } from '../core/errors.js';
import { kindOfProcessor } from '../core/processor-kind.js';
import type { Logger } from '../log/logger.js';
import { maskUrl, maskUrls } from '../log/redaction.js';
import type { Processor } from '../processor/processor.js';
import { WORKER_NAME } from '../protocol/schema.js';
import { parseOptions } from '../settings/parse.js';
import type { Settings, SettingsInput } from '../settings/settings.js';

/** The settings of a worker that a group has too. */
const SHARED = ['concurrency', 'threads', 'simulateMs', 'timeout', 'shutdownTimeout'] as const;
const OWN = ['connect', 'name', 'token', 'processor', 'logger'] as const;

/** Most addresses. */
const MOST_ADDRESSES = 100;

/** The options of a worker: its own, and settings with the same meaning as those of a group. */
export interface RemoteWorkerOptions extends Pick<SettingsInput, (typeof SHARED)[number]> {
  /** The `ws://` or `wss://` URLs of the processes of a group: `ws://HOST:9464/workers`. It works for all of them. */
  readonly connect: string | readonly string[];
  /** What processes the messages: as for a group, but not `remote`. */
  readonly processor?: Processor | string | URL | undefined;
  /** 1 to 64 letters, digits, `_` `.` `-`; several workers may have the same. Default: the name of this machine. */
  readonly name?: string | undefined;
  /** The `httpToken` of the group. */
  readonly token?: string | undefined;
  /** Any pino logger, or one like it. Without it nothing is logged. */
  readonly logger?: Logger | undefined;
}

/** What the options mean, with the defaults filled in. */
export interface RemoteWorkerSettings extends Settings {
  readonly urls: readonly string[];
  readonly name: string;
  readonly token: string | undefined;
}

/** @throws {SettingsError} naming each wrong option */
export function parseWorkerOptions(options: RemoteWorkerOptions): RemoteWorkerSettings {
  const { connect, name = hostName(), token, processor } = options;
  const problems: SettingProblem[] = [...unknownOptions(options), ...wrongUrls(connect), ...wrongName(name)];
  let settings: Settings | undefined;
  try {
    settings = parseOptions({
      ...Object.fromEntries(SHARED.map((setting) => [setting, options[setting]])),
      processor: typeof processor === 'function' ? undefined : processor,
      httpToken: token,
    });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    problems.push(...error.problems.map(asToken));
  }
  if (settings?.processor !== undefined && kindOfProcessor(settings.processor) === 'remote')
    problems.push({
      setting: 'processor',
      message: 'processor must not be remote here: this is the remote worker; give it a module',
    });
  if (!settings || problems.length > 0) throw new SettingsError(problems);
  return { ...settings, urls: [connect].flat(), name, token };
}

/** The name of this machine, as a name of a worker. */
function hostName(): string {
  return (
    hostname()
      .replace(/[^\w.-]/g, '_')
      .slice(0, 64) || 'worker'
  );
}

function unknownOptions(options: object): SettingProblem[] {
  const known: readonly string[] = [...SHARED, ...OWN];
  return Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((setting) => ({
      setting,
      message: `there is no option ${JSON.stringify(setting)} of a worker; there are ${known.join(', ')}`,
    }));
}

function wrongName(name: unknown): SettingProblem[] {
  if (typeof name === 'string' && WORKER_NAME.test(name)) return [];
  const message = `name must be 1 to 64 letters, digits, _ . -; got ${JSON.stringify(name)}`;
  return [{ setting: 'name', message }];
}

function wrongUrls(connect: unknown): SettingProblem[] {
  const urls: unknown[] = [connect].flat();
  const wrong = (message: string) => ({ setting: 'connect', message: `connect ${message}` });
  if (urls.length === 0 || connect === undefined || connect === '')
    return [wrong('needs the URL of a group: ws://HOST:9464/workers')];
  if (urls.length > MOST_ADDRESSES)
    return [wrong(`takes at most ${MOST_ADDRESSES} URLs; got ${urls.length}`)];
  const problems = urls.map(problemOfUrl).filter((problem) => problem !== undefined);
  const [twice] = urls.filter((url, at) => urls.indexOf(url) !== at);
  if (problems.length === 0 && twice !== undefined) problems.push(`has ${maskUrl(String(twice))} twice`);
  return problems.map(wrong);
}

function problemOfUrl(url: unknown): string | undefined {
  const rule = 'must be a ws:// or wss:// URL, such as ws://HOST:9464/workers';
  if (typeof url !== 'string') return rule;
  const got = `; got ${JSON.stringify(url.includes('@') ? maskUrl(url) : maskUrls(url))}`;
  if (!/^wss?:\/\//i.test(url) || !URL.canParse(url)) return `${rule}${got}`;
  const { username, password, hash } = new URL(url);
  if (username || password)
    return `must hold no user and password: others on the machine can see them; set CGROUP_HTTP_TOKEN${got}`;
  return hash ? `must have no # part${got}` : undefined;
}

/** The group's name of the token is not that of a worker. */
function asToken({ setting, message }: SettingProblem): SettingProblem {
  if (setting !== 'httpToken') return { setting, message };
  return { setting: 'token', message: message.replace('httpToken', 'token') };
}
