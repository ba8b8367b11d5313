import { CgroupError } from '../../core/errors.js';
import { type HostPort, hostAndPort, type RedisAddress } from '../../core/redis-address.js';
import { connectorFor } from './connector.js';
import { isReply, withoutCommand } from './failure.js';
import { ioredisOptions } from './handshake.js';
import { Redis } from './ioredis.js';
import type { TlsSettings } from './tls.js';

/** ms for a connection and a reply. */
const PATIENCE = 1_000;
/** How many are asked at a time. */
const MOST_ASKED = 7;
/** Without credentials. */
const NO_LOGIN = { user: '', password: '' };
/** How many are remembered. */
const MOST_KNOWN = 64;

export interface InformantsOptions {
  /** Those that the URL names. */
  readonly named: readonly HostPort[];
  /** Undefined without TLS. */
  readonly tls: TlsSettings | undefined;
  readonly family: RedisAddress['family'];
  /** User and password; undefined for none. They are sent only to a server that asks for them. */
  readonly credentials: { readonly user: string; readonly password: string } | undefined;
}

type Ask<Answer> = (redis: Redis, at: HostPort) => Promise<Answer>;

/**
 * Servers that know where others are: Sentinels, or the nodes of a Cluster. Each has a connection of its own, which is made when
 * it is first asked and kept until it fails.
 */
export class Informants {
  readonly #options: InformantsOptions;
  readonly #connections = new Map<string, Redis>();
  /** The named ones, then those that others have named. */
  #known: readonly HostPort[];
  /** Why connections failed. */
  readonly #reasons = new WeakMap<Redis, Error>();
  /** Those that have refused a command without credentials. */
  readonly #locked = new Set<string>();

  constructor(options: InformantsOptions) {
    this.#options = options;
    this.#known = options.named;
  }

  /** Adds those that an answer names. The newest answer counts; those of the URL stay. */
  learn(servers: readonly HostPort[]): void {
    const all = new Map([...this.#options.named, ...servers].map((one) => [hostAndPort(one), one]));
    this.#known = [...all.values()].slice(0, MOST_KNOWN);
    for (const [name, redis] of this.#connections) if (!all.has(name)) this.#drop(name, redis);
  }

  /**
   * Asks several at once, and returns when most of them have answered: one that is stopped answers late, and one that was cut
   * off from the others may answer what was true before.
   *
   * @throws {CgroupError} REDIS_UNREACHABLE if none of them answers, or what `ask` throws as a CgroupError
   */
  async ask<Answer>(ask: Ask<Answer>): Promise<Answer[]> {
    const asked = this.#chosen();
    const { answers, failures } = await this.#askAll(asked, majorityOf(asked.length), ask);
    if (answers.length > 0) return answers;
    throw failures.find((error) => error instanceof CgroupError) ?? failures[0];
  }

  /** Asks all that are known, and waits for each: an answer, or why there is none. */
  async survey<Answer>(
    ask: Ask<Answer>,
  ): Promise<{ readonly answers: Answer[]; readonly failures: unknown[] }> {
    return this.#askAll(this.#known, Number.POSITIVE_INFINITY, ask);
  }

  /** @param enough how many answers are waited for, at most */
  async #askAll<Answer>(asked: readonly HostPort[], enough: number, ask: Ask<Answer>) {
    const answers: Answer[] = [];
    const failures: unknown[] = [];
    await new Promise<void>((resolve) => {
      for (const at of asked)
        this.#askOne(at, ask)
          .then(
            (answer) => answers.push(answer),
            (error: unknown) => failures.push(error),
          )
          .then(() => {
            if (answers.length >= enough || answers.length + failures.length === asked.length) resolve();
          });
    });
    return { answers, failures };
  }

  /** Closes all connections. It may be asked again later. */
  close(): void {
    for (const [name, redis] of this.#connections) this.#drop(name, redis);
  }

  /** Those of the URL first; of the others, each time different ones. */
  #chosen(): readonly HostPort[] {
    if (this.#known.length <= MOST_ASKED) return this.#known;
    const named = this.#options.named.slice(0, Math.floor(MOST_ASKED / 2));
    const others = this.#known.filter((one) => !named.includes(one));
    const start = Math.floor(Math.random() * others.length);
    return [...named, ...[...others.slice(start), ...others].slice(0, MOST_ASKED - named.length)];
  }

  async #askOne<Answer>(at: HostPort, ask: Ask<Answer>): Promise<Answer> {
    const name = hostAndPort(at);
    const redis = this.#connections.get(name) ?? this.#connect(at);
    this.#connections.set(name, redis);
    try {
      return await ask(redis, at);
    } catch (error) {
      if (error instanceof CgroupError) throw error;
      this.#drop(name, redis);
      withoutCommand(error);
      if (this.#options.credentials && !this.#locked.has(name) && isReply(error) && asksToLogIn(error)) {
        this.#locked.add(name);
        return this.#askOne(at, ask);
      }
      throw this.#reasons.get(redis) ?? error;
    }
  }

  #connect(at: HostPort): Redis {
    const { tls, family } = this.#options;
    const own = this.#locked.has(hostAndPort(at)) ? this.#options.credentials : undefined;
    const redis = new Redis({
      ...ioredisOptions({ ...(own ?? NO_LOGIN), db: 0, tls: tls !== undefined }),
      Connector: connectorFor({ find: () => at, tls, family }),
      connectionName: 'cgroup:finder',
      disableClientInfo: true,
      enableReadyCheck: false,
      connectTimeout: PATIENCE,
      commandTimeout: PATIENCE,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => null,
    });
    // Commands only say that the connection is closed.
    redis.on('error', (error) => this.#reasons.set(redis, error));
    return redis;
  }

  #drop(name: string, redis: Redis): void {
    if (this.#connections.get(name) === redis) this.#connections.delete(name);
    redis.disconnect();
  }
}

/** How many are most of so many. */
export function majorityOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** NOPERM: the user without a password may connect, and may not do this. */
function asksToLogIn({ message }: Error): boolean {
  return /^(NOAUTH|NOPERM)\b/.test(message);
}
