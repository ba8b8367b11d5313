import { TLSSocket } from 'node:tls';
import type { Redis } from 'ioredis';
import { commandBytes } from './command.js';
import { Pipe } from './pipe.js';
import { ReplySplitter } from './replies.js';
import { unansweredOf } from './reply-clock.js';
import { type Argument, callOf, sourceCallOf } from './script.js';
import { ReplyError, replyValue, type Value } from './values.js';

/** Bytes of the shared memory. A longer request gets memory of its own. */
const MEMORY = 2 ** 20;
/**
 * Memory that commands of all connections are written into, one after the other. With new memory for each, V8 would look through
 * the whole heap again and again: the memory of a Buffer counts, wherever it is.
 */
let memory: Buffer | undefined;

/** Reads bytes from a socket in place of ioredis. */
export interface Parser {
  feed(chunk: Buffer): void;
}

/**
 * The socket of an ioredis client, used past it. ioredis makes the connection and keeps it; what comes over it is read here,
 * and ioredis gets only the replies to its own commands.
 */
export class DirectLine {
  readonly #redis: Redis;
  /** Of the current socket; undefined while there is none. */
  #pipe: Pipe | undefined;
  #parser: Parser | undefined;
  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Begins with a new socket. To be called as soon as ioredis is ready: then it holds no part of a reply. */
  open(): void {
    const { stream } = this.#redis;
    if (!stream) return;
    const listeners = stream.listeners('data');
    const pipe = new Pipe({
      write: (bytes) => stream.write(bytes),
      others: () => unansweredOf(this.#redis),
      onOther: (reply) => {
        for (const listener of listeners) listener.call(stream, reply);
      },
    });
    this.#pipe = pipe;
    this.#parser = new ReplySplitter(
      (bytes, at) => pipe.take(bytes, at),
      (reply) => pipe.hand(reply),
    );
    stream.removeAllListeners('data');
    stream.on('data', (chunk: Buffer) => {
      try {
        this.#parser?.feed(chunk);
      } catch (error) {
        // The rest of the chunk is lost, and positions with it. So the link is cut, which callers handle.
        pipe.end(error);
        stream.destroy(error as Error);
      }
    });
  }

  /** The socket is closed: no more replies come. */
  close(): void {
    this.#pipe?.end(new Error('not connected'));
    this.#pipe = undefined;
    this.#parser = undefined;
  }

  /** Whether something can be sent now. */
  get isOpen(): boolean {
    return this.#redis.status === 'ready' && this.#redis.stream.writable && this.#pipe !== undefined;
  }

  /** What reads the current socket. */
  get parser(): Parser | undefined {
    return this.#parser;
  }

  /**
   * Gives what comes over the socket to another parser, which hands on each reply that it does not take. To be called while no
   * reply is on its way.
   *
   * @throws if there is no socket
   */
  divert(make: (onOther: (reply: Buffer) => void) => Parser): void {
    const pipe = this.#pipe;
    if (!pipe) throw new Error('not connected');
    this.#parser = make((reply) => pipe.hand(reply));
  }

  /**
   * Sends commands. As {@link Pipe.request}; rejects if it is not open.
   *
   * @param write returns their bytes, in the memory if that is given and they fit
   */
  request(
    write: (memory: Buffer | undefined) => Buffer,
    replies: number,
    onReply: (bytes: Buffer, start: number) => void,
  ): Promise<void> {
    if (!this.#pipe || !this.isOpen) return Promise.reject(new Error('not connected'));
    const { stream } = this.#redis;
    // The memory may be used only if the system takes the bytes during `write`: not with TLS, which encrypts later, and not
    // while earlier bytes wait.
    const isTaken = !(stream instanceof TLSSocket) && stream.writableLength === 0;
    if (isTaken) memory ??= Buffer.allocUnsafeSlow(MEMORY);
    const bytes = write(isTaken ? memory : undefined);
    const sent = this.#pipe.request(bytes, replies, onReply);
    // The system has not taken all of it: the rest is still to be read from there.
    if (bytes.buffer === memory?.buffer && stream.writableLength > 0) memory = undefined;
    return sent;
  }

  /** Sends commands, each of which gets one reply. As {@link request}. */
  send(
    commands: readonly (readonly Argument[])[],
    onReply: (bytes: Buffer, start: number) => void,
  ): Promise<void> {
    return this.request((own) => commandBytes(commands, own), commands.length, onReply);
  }

  /**
   * Runs a script (https://redis.io/docs/latest/commands/evalsha/).
   *
   * @param args the number of keys, the keys, and the others
   * @param asBytes whether texts in its reply are bytes
   * @param check called in the turn in which it is sent, each time: nothing is sent if it throws
   */
  async run(
    name: string,
    args: readonly Argument[],
    asBytes: boolean,
    check: () => void = () => {},
  ): Promise<Value> {
    try {
      check();
      return await this.#ask([...callOf(name), ...args], asBytes);
    } catch (error) {
      if (!(error instanceof ReplyError) || !error.message.startsWith('NOSCRIPT')) throw error;
      check();
      return this.#ask([...sourceCallOf(name), ...args], asBytes);
    }
  }

  async #ask(command: readonly Argument[], asBytes: boolean): Promise<Value> {
    let value: Value = null;
    await this.send([command], (bytes, start) => {
      value = replyValue(bytes, start, asBytes);
    });
    return value;
  }
}
