import { EventEmitter } from 'node:events';
import type { Redis } from 'ioredis';
import { CgroupError, hasCode } from '../../core/errors.js';
import type { HostPort } from '../../core/redis-address.js';
import type { OnPush } from '../../core/subscriber.js';
import type { Logger } from '../../log/logger.js';
import { type ConnectOptions, endOf, makeClient, onChange, REPLY_TIMEOUT, untilReady } from './client.js';
import { DirectLine, type Parser } from './direct-line.js';
import type { Taken } from './entries.js';
import { failureOf, RefusedError, refusedAs, withoutCommand } from './failure.js';
import type { Follower } from './followers.js';
import { FoundServer } from './found-server.js';
import { RedisPlace } from './place.js';
import { type EntryLink, readEntries } from './read-entries.js';
import { ReplyClock, watchLink, writtenTo } from './reply-clock.js';
import { type Argument, luaOf, type Script, type ScriptKeys } from './script.js';
import { ChannelSubscription, type SubscribingLink } from './subscription.js';
import { refused } from './unreachable.js';

export interface ConnectionEvents {
  /** Connected, for the first time or again. */
  ready: [];
  /** No longer ready; ioredis connects again by itself. */
  lost: [];
}

type Command = (...args: unknown[]) => Promise<unknown>;

/** ms that one WAIT takes at most: it holds back what follows on its connection, heartbeats too. */
const WAIT_FOR = 250;
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
export class Connection extends EventEmitter<ConnectionEvents> implements Follower {
  /** Where its Redis is. */
  readonly place: RedisPlace;
  /** The slot whose master it is connected to; undefined for the server of the URL. */
  readonly slot: number | undefined;
  readonly #found: FoundServer;
  readonly #redis: Redis;
  readonly #commands: Record<string, Command>;
  readonly #clock = new ReplyClock(REPLY_TIMEOUT);
  /** The connection is being ended because it is dead. */
  #timedOut = false;
  #clientId: number | undefined;
  readonly #line: DirectLine;
  readonly #reading: EntryLink;
  readonly #subscription: ChannelSubscription;
  /** Aborted when it is closed for good. */
  readonly #quit = new AbortController();

  /**
   * @param where a URL, or what finds the server
   * @param role its purpose, shown by CLIENT LIST as `cgroup:ROLE`
   * @param key on a Cluster it is connected to the node of this key; without one, to that of the key that the place names
   */
  constructor(where: string | RedisPlace, role: string, log: Logger, key?: string) {
    super();
    const place = typeof where === 'string' ? new RedisPlace({ redis: where }, log) : where;
    this.place = place;
    this.slot = place.slotOf(key);
    this.#found = new FoundServer(place, this.slot);
    this.#redis = makeClient(place, {
      name: `cgroup:${role}`,
      find: () => this.#found.find(),
      at: () => this.#found.at,
      onFacts: (facts) => this.#found.met(facts),
      log,
    });
    watchLink(this.#redis, this.#clock, () => {
      this.#timedOut = true;
      this.renew();
    });
    this.#commands = this.#redis as unknown as Record<string, Command>;
    this.#line = new DirectLine(this.#redis);
    const divert: EntryLink['divert'] = (make) => this.#divert(make);
    this.#reading = { line: this.#line, divert, timed: (send) => this.#timed('XREADGROUP', send) };
    const timed: SubscribingLink['timed'] = (doing, send) => this.#timed(doing, send);
    const onGone = () => this.emit('lost');
    this.#subscription = new ChannelSubscription({ redis: this.#redis, divert, timed, onGone });
    onChange(this.#redis, {
      ready: () => {
        this.#found.connected();
        this.#line.open();
        this.#redis.client('ID').then(
          (id) => {
            this.#clientId = id;
          },
          () => {}, // the connection is lost again: the next one has an id of its own
        );
        this.emit('ready');
      },
      closed: () => {
        this.#line.close();
        this.#found.closed();
        this.#clientId = undefined;
        // When the commands have failed.
        setImmediate(() => {
          this.#timedOut = false;
        });
      },
      lost: () => this.emit('lost'),
    });
    this.#redis.on('error', (error: unknown) => {
      this.#found.failed(withoutCommand(error));
      log.debug({ role, error }, 'connection to Redis failed');
    });
  }

  get at(): HostPort | undefined {
    return this.isReady ? this.#found.at : undefined;
  }

  /** The `run_id` of the server that it is connected to, which is new after each start of a server; undefined if it is not known. */
  get server(): string | undefined {
    return this.#found.runId;
  }

  /** Whether its Redis is one server, without Sentinels or Cluster. */
  get isPlain(): boolean {
    return this.place.isPlain;
  }

  /** Whether a command with this key can be sent here: on a Cluster it must lie in the slot of the connection. */
  serves(key: string): boolean {
    return !this.place.isCluster || this.place.slotOf(key) === this.slot;
  }

  /** Whether commands can be sent now. */
  get isReady(): boolean {
    return this.#redis.status === 'ready';
  }

  /**
   * Connects, and tries again until it works.
   *
   * @throws {CgroupError} REDIS_UNREACHABLE with the address and the reason; at once REDIS_AUTH, or REDIS_REFUSED if there is no
   *   such database; STATE if it is closed meanwhile
   */
  async connect({
    timeout = CONNECT_TIMEOUT,
    failsIfRefused = false,
    goesOn = false,
  }: ConnectOptions = {}): Promise<void> {
    this.place.follow(this);
    try {
      await untilReady(this.#redis, this.#quit.signal, {
        timeout,
        onTimeout: () => this.#found.unreachable(timeout),
        final: (error) => (failsIfRefused ? refused(this.place, error) : undefined),
        from: () => this.#found.name,
      });
    } catch (error) {
      if (goesOn && hasCode(error, 'REDIS_UNREACHABLE')) return;
      this.close();
      throw error;
    }
  }

  /**
   * Runs a script on the keys of a group. What it has written is on `minReplicas` replicas when this resolves, if that must last.
   *
   * @param on the server on which it runs, or nowhere: see {@link mustBeOn}
   */
  async run<Key extends keyof ScriptKeys, Options, Reply>(
    script: Script<Key, Options, Reply>,
    keys: Pick<ScriptKeys, Key>,
    options: Options,
    on?: string,
  ): Promise<Reply> {
    const reply = script.decode(await this.#sendScript(script, keys, options, on));
    // While replicas are missing this takes long: not for a call that has written nothing.
    if (this.place.minReplicas > 0 && script.lasting?.(reply)) await this.replicated();
    return reply;
  }

  async #sendScript<Key extends keyof ScriptKeys, Options, Reply>(
    script: Script<Key, Options, Reply>,
    keys: Pick<ScriptKeys, Key>,
    options: Options,
    on: string | undefined,
  ): Promise<unknown> {
    const args = [...script.keys.map((name) => keys[name]), ...script.encode(options)];
    if (on !== undefined || (script.often && this.#line.isOpen)) {
      const { name, bytes = false } = script;
      const all = [script.keys.length, ...args];
      const check = on === undefined ? undefined : () => this.mustBeOn(on);
      return this.#timed(name, () => this.#line.run(name, all, bytes, check));
    }
    // The prefix keeps our names apart from ioredis's own methods.
    const method = `cgroup.${script.name}`;
    if (!(method in this.#redis))
      this.#redis.defineCommand(method, { lua: luaOf(script.name), numberOfKeys: script.keys.length });
    return this.#send(script.name, script.bytes ? `${method}Buffer` : method, [args]);
  }

  /**
   * Waits until `minReplicas` replicas have all that was written on this connection (https://redis.io/docs/latest/commands/wait/),
   * however long that takes. What follows on this connection waits, too.
   *
   * @throws {CgroupError} OUTCOME_UNKNOWN if the connection ends first, or the server becomes a replica
   */
  async replicated(): Promise<void> {
    const { minReplicas, log } = this.place;
    for (let have = 0; have < minReplicas; ) {
      have = Number(await this.#send('WAIT', 'call', ['WAIT', minReplicas, WAIT_FOR]));
      log.replicas(have, minReplicas);
    }
  }

  /**
   * After it, what is sent in the same turn goes to this server or nowhere, and waits for no later connection.
   *
   * @throws {CgroupError} OTHER_SERVER if it is connected to another one, REDIS_UNREACHABLE if it is not connected
   */
  mustBeOn(server: string): void {
    if (!this.#line.isOpen)
      throw new CgroupError('REDIS_UNREACHABLE', `not connected to ${this.#found.name}`);
    if (this.server !== server)
      throw new CgroupError('OTHER_SERVER', `Redis is another server now (${this.server}, not ${server})`);
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
  readEntries(packsKey: string, reads: readonly (readonly Argument[])[]): Promise<Taken> {
    return readEntries(this.#reading, packsKey, reads);
  }

  /** Subscribes to channels, all in one command. May be called once. */
  subscribe(channels: ReadonlyMap<string, OnPush>, isSharded = false): Promise<void> {
    return this.#subscription.begin(channels, isSharded);
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
  unsubscribe(): Promise<void> {
    return this.#subscription.end();
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
    this.#quit.abort();
    this.place.unfollow(this);
    this.#redis.disconnect();
    // ioredis would keep the commands that wait for the next connection, and does not make it.
    if (this.#redis.status === 'reconnecting') endOf(this.#redis);
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
      let failure = failureOf(error, doing, this.#found.name);
      if (this.#timedOut && !(failure instanceof RefusedError))
        failure = failureOf(new Error('timed out'), doing, this.#found.name);
      if (refusedAs(failure, 'MOVED')) this.place.foundCluster();
      // A server that became a replica is the wrong one: the name of the master may resolve to another by now.
      if (refusedAs(failure, 'READONLY', 'MOVED')) this.renew();
      throw failure;
    } finally {
      this.#clock.answered();
    }
  }
}
