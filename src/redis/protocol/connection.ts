import { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';
import { CgroupError } from '../../core/errors.js';
import { hostAndPort, parseRedisUrl, type RedisAddress } from '../../core/redis-address.js';
import type { OnPush } from '../../core/subscriber.js';
import type { Logger } from '../../log/logger.js';
import { DirectLine, type Parser } from './direct-line.js';
import { EntryParser, type Taken } from './entries.js';
import { failureOf, RefusedError, withoutCommand } from './failure.js';
import { addHandshake, ioredisOptions } from './handshake.js';
import { pushSplitter } from './pushes.js';
import { ReplyClock, watchLink, writtenTo } from './reply-clock.js';
import { type Argument, luaOf, type Script, type ScriptKeys } from './script.js';
import { moreTelling, unreachable } from './unreachable.js';
import { replyValue } from './values.js';

export interface ConnectionEvents {
  /** Connected, for the first time or again. */
  ready: [];
  /** No longer ready; ioredis connects again by itself. */
  lost: [];
}

type Command = (...args: unknown[]) => Promise<unknown>;

/** ms without a reply and without bytes, after which the connection counts as dead. */
const REPLY_TIMEOUT = 5_000;
/** ms to wait for Redis. */
const CONNECT_TIMEOUT = 5_000;

/**
 * One connection to Redis, with settings of ioredis that neither lose nor repeat a command:
 *
 * - After a reconnect no command is sent again: only the caller knows whether it may be.
 * - A command whose reply is lost rejects, as `OUTCOME_UNKNOWN`, or as `REDIS_UNREACHABLE` if it changes nothing.
 * - Commands reject too if no bytes come or go for 5 s, and the connection is made again: a half-open link looks
 *   like this. (`commandTimeout` of ioredis counts from sending, so a large reply over a slow link never comes. Its
 *   `socketTimeout` outlives the socket that it was set for, and may end the next one.)
 * - Subscriptions are not renewed silently: messages would be missed without a trace.
 */
export class Connection extends EventEmitter<ConnectionEvents> {
  readonly #at: RedisAddress;
  readonly #redis: Redis;
  readonly #commands: Record<string, Command>;
  readonly #clock = new ReplyClock(REPLY_TIMEOUT);
  /** The connection is being ended because it is dead. */
  #timedOut = false;
  #lastError: unknown;
  #clientId: number | undefined;
  #server: string | undefined;
  readonly #line: DirectLine;
  /** Makes a {@link connect} under way reject. */
  #giveUp: (() => void) | undefined;

  /** @param role its purpose, shown by CLIENT LIST as `cgroup:ROLE` */
  constructor(url: string, role: string, log: Logger) {
    super();
    this.#at = parseRedisUrl(url);
    this.#redis = new Redis({
      ...ioredisOptions(this.#at),
      lazyConnect: true,
      disableClientInfo: true,
      connectTimeout: REPLY_TIMEOUT,
      // ioredis keeps the process alive for so long after a disconnect, even if the socket is gone already.
      disconnectTimeout: 100,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000),
    });
    watchLink(this.#redis, this.#clock, () => {
      this.#timedOut = true;
      this.renew();
    });
    addHandshake(this.#redis, this.#at, `cgroup:${role}`, log, (facts) => {
      this.#server = /^run_id:(\w+)/m.exec(facts)?.[1];
    });
    this.#commands = this.#redis as unknown as Record<string, Command>;
    this.#line = new DirectLine(this.#redis);
    let ready = false;
    this.#redis.on('ready', () => {
      if (ready) return;
      ready = true;
      this.#line.open();
      this.#redis.client('ID').then(
        (id) => {
          this.#clientId = id;
        },
        () => {}, // the connection is lost again: the next one has an id of its own
      );
      this.emit('ready');
    });
    this.#redis.on('close', () => {
      this.#line.close();
      this.#server = undefined;
      // When the commands have failed.
      setImmediate(() => {
        this.#timedOut = false;
      });
      if (!ready) return;
      ready = false;
      this.#clientId = undefined;
      this.emit('lost');
    });
    this.#redis.on('error', (error: unknown) => {
      this.#lastError = moreTelling(this.#lastError, withoutCommand(error));
      log.debug({ role, error }, 'connection to Redis failed');
    });
  }

  /** Whether commands can be sent now. */
  get isReady(): boolean {
    return this.#redis.status === 'ready';
  }

  /** The run id of the server that it is connected to now; undefined while it is not connected, or if INFO is refused. */
  get server(): string | undefined {
    return this.#server;
  }

  /** Whether its Redis is one server, without Sentinels or Cluster. */
  get isPlain(): boolean {
    return true;
  }

  /** Whether its Redis is a Cluster. */
  get isCluster(): boolean {
    return false;
  }

  /**
   * Connects, and tries again until it works.
   *
   * @param timeout ms after which it gives up
   * @throws {CgroupError} REDIS_UNREACHABLE with the address and the reason; at once REDIS_AUTH, or REDIS_REFUSED if there is no
   *   such database; STATE if it is closed meanwhile
   */
  async connect(timeout = CONNECT_TIMEOUT): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        finish(unreachable(this.#at, timeout, this.#lastError));
      }, timeout);
      const onError = (error: Error) => {
        const failure = failureOf(error, `Redis at ${this.#address}`);
        // The handshake has failed for good, or the password is missing or wrong.
        if (failure === error || refusedAs(failure, 'NOAUTH', 'WRONGPASS')) finish(failure);
      };
      const onReady = () => finish();
      const finish = (failure?: CgroupError) => {
        clearTimeout(timer);
        this.#giveUp = undefined;
        this.#redis.off('error', onError);
        this.#redis.off('ready', onReady);
        if (failure) {
          this.close();
          reject(failure);
        } else resolve();
      };
      this.#giveUp = () => finish(new CgroupError('STATE', 'closed while it connected'));
      this.#redis.on('error', onError);
      this.#redis.on('ready', onReady);
      // The promise of ioredis rejects at the first failure, but ioredis goes on trying: the events count.
      this.#redis.connect().catch(() => {});
    });
  }

  /**
   * Runs a script on the keys of a group.
   *
   * @param on the server on which it runs, or nowhere: see {@link mustBeOn}
   */
  async run<Key extends keyof ScriptKeys, Options, Reply>(
    script: Script<Key, Options, Reply>,
    keys: Pick<ScriptKeys, Key>,
    options: Options,
    on?: string,
  ): Promise<Reply> {
    const args = [...script.keys.map((name) => keys[name]), ...script.encode(options)];
    if (on !== undefined || (script.often && this.#line.isOpen)) {
      const { name, bytes = false } = script;
      const all = [script.keys.length, ...args];
      const check = on === undefined ? undefined : () => this.mustBeOn(on);
      return script.decode(await this.#timed(name, () => this.#line.run(name, all, bytes, check)));
    }
    // The prefix keeps our names apart from ioredis's own methods.
    const method = `cgroup.${script.name}`;
    if (!(method in this.#redis))
      this.#redis.defineCommand(method, { lua: luaOf(script.name), numberOfKeys: script.keys.length });
    return script.decode(await this.#send(script.name, script.bytes ? `${method}Buffer` : method, [args]));
  }

  /**
   * After it, what is sent in the same turn goes to this server or nowhere, and waits for no later connection.
   *
   * @throws {CgroupError} OTHER_SERVER if it is connected to another one, REDIS_UNREACHABLE if it is not connected
   */
  mustBeOn(server: string): void {
    if (!this.#line.isOpen)
      throw new CgroupError('REDIS_UNREACHABLE', `not connected to Redis at ${this.#address}`);
    if (this.#server !== server)
      throw new CgroupError('OTHER_SERVER', `Redis is another server now (${this.#server}, not ${server})`);
  }

  /**
   * Sends commands, past ioredis. Resolves after the last of their replies.
   *
   * @param doing what for, for errors
   * @param write returns their bytes, in the memory if that is given and they fit
   * @param replies how many replies come
   * @param onReply called with each reply: it begins at `start`. What it throws first, this rejects with
   * @throws {CgroupError} OUTCOME_UNKNOWN if the connection is not ready, or ends before the last reply
   */
  request(
    doing: string,
    write: (memory: Buffer | undefined) => Buffer,
    replies: number,
    onReply: (bytes: Buffer, start: number) => void,
  ): Promise<void> {
    return this.#timed(doing, () => this.#line.request(write, replies, onReply));
  }

  /** Sends one command; replies are text. */
  call(command: string, ...args: Argument[]): Promise<unknown> {
    return this.#send(command, 'call', [command, ...args]);
  }

  /** Sends one command; replies are bytes. */
  callBuffer(command: string, ...args: Argument[]): Promise<unknown> {
    return this.#send(command, 'callBuffer', [command, ...args]);
  }

  /**
   * Sends XREADGROUP, once or more (https://redis.io/docs/latest/commands/xreadgroup/). One call at a time, and nothing else on
   * this connection meanwhile: ioredis does not see the entries, see {@link EntryParser}.
   *
   * @param packsKey the stream of packs, always the same
   */
  async readEntries(packsKey: string, reads: readonly (readonly Argument[])[]): Promise<Taken> {
    // On a new socket another parser would get the entries.
    if (!this.#line.isOpen || !(this.#line.parser instanceof EntryParser))
      await this.#divert((onOther) => new EntryParser(packsKey, onOther));
    const { parser } = this.#line;
    if (!(parser instanceof EntryParser))
      throw failureOf(new Error('not connected'), 'XREADGROUP', this.#address);
    const commands = reads.map((args) => ['XREADGROUP', ...args]);
    try {
      await this.#timed('XREADGROUP', () =>
        this.#line.send(commands, (bytes, start) => replyValue(bytes, start, false)),
      );
    } catch (error) {
      // What came counts as delivered. The next read fails again, if it is to.
      const taken = parser.take();
      if (taken.packs.length + taken.entries.length + taken.foreign === 0) throw error;
      return taken;
    }
    return parser.take();
  }

  /** Subscribes to channels, all in one command. May be called once. */
  async subscribe(channels: ReadonlyMap<string, OnPush>): Promise<void> {
    await this.#divert((onOther) => pushSplitter(channels, onOther));
    const names = [...channels.keys()];
    await this.#send(`SUBSCRIBE ${names.join(' ')}`, 'subscribe', names);
  }

  /** Gives all that comes over the socket to another parser, which hands on the replies that it does not take. */
  async #divert(make: (onOther: (reply: Buffer) => void) => Parser): Promise<void> {
    // The reply, even a refusal, comes after all others: then no part of a reply waits for its rest.
    await this.#send('PING', 'ping', []).catch((error: unknown) => {
      if (!(error instanceof RefusedError)) throw error;
    });
    this.#line.divert(make);
  }

  /** Bytes that have come over the socket. */
  get bytesReceived(): number {
    return this.#redis.stream?.bytesRead ?? 0;
  }

  /** Ends the subscription. When it returns, all messages published before have been received. */
  async unsubscribe(): Promise<void> {
    await this.#send('UNSUBSCRIBE', 'unsubscribe', []);
  }

  /** Makes a blocking command on another connection return, as at its timeout. */
  async unblock(other: Connection): Promise<void> {
    if (other.#clientId !== undefined) await this.call('CLIENT', 'UNBLOCK', other.#clientId);
  }

  /** Ends the connection and makes it again. */
  renew(): void {
    this.#redis.disconnect(true);
  }

  /**
   * Ends the connection for good, without waiting. Commands without a reply soon reject as if Redis were away, a
   * {@link connect} under way as `STATE`. May be called at any time. Idempotent.
   */
  close(): void {
    this.#giveUp?.();
    this.#redis.disconnect();
    // ioredis would keep the commands that wait for the next connection, and does not make it.
    if (this.#redis.status === 'reconnecting') endOf(this.#redis);
  }

  /** For messages: without user and password. */
  get #address(): string {
    return hostAndPort(this.#at);
  }

  #send(doing: string, method: string, args: unknown[]): Promise<unknown> {
    // biome-ignore lint/style/noNonNullAssertion: ioredis defines a method per command and script
    return this.#timed(doing, () => this.#commands[method]!.apply(this.#redis, args));
  }

  /** Waits for replies, and gives an error in our words. */
  async #timed<T>(doing: string, send: () => Promise<T>): Promise<T> {
    this.#clock.sending(writtenTo(this.#redis));
    try {
      return await send();
    } catch (error) {
      let failure = failureOf(error, doing, this.#address);
      if (this.#timedOut && !(failure instanceof RefusedError))
        failure = failureOf(new Error('timed out'), doing, this.#address);
      // A server that became a replica is the wrong one: the name of the master may resolve to another by now.
      if (refusedAs(failure, 'READONLY')) this.renew();
      throw failure;
    } finally {
      this.#clock.answered();
    }
  }
}

/** Ends a connection as ioredis ends one that it closes: what waits rejects, and so does what comes later. */
function endOf(redis: Redis): void {
  const inner = redis as unknown as { setStatus(status: 'end'): void; flushQueue(error: Error): void };
  inner.setStatus('end');
  inner.flushQueue(new Error('Connection is closed.'));
}

/** Whether Redis refused, for one of these reasons. */
export function refusedAs(error: unknown, ...kinds: RefusedError['refusal'][]): boolean {
  return error instanceof RefusedError && kinds.includes(error.refusal);
}
