import { EventEmitter } from 'node:events';
import { Bridge } from '../../../src/bridge/bridge.js';
import type { Gap, MarkRequest, RelayRequest } from '../../../src/core/bridge-store.js';
import { CgroupError } from '../../../src/core/errors.js';
import type { LaneStore, SharedBridgeStore, TakeAbove } from '../../../src/core/lane-store.js';
import { markText } from '../../../src/core/marks.js';
import type { Position } from '../../../src/core/position.js';
import type { OnPush, Subscriber } from '../../../src/core/subscriber.js';
import { silentLogger } from '../../../src/log/logger.js';
import { LanesBridgeStore } from '../../../src/redis/lanes-bridge-store.js';
import { messageOf } from '../messages.js';
import type { Random } from '../random.js';
import type { Output } from '../redis.js';
import type { LaneModel } from './lane.js';
import type { Node } from './node.js';

/** What is simulated: the real design, or one that lacks something. */
export interface MovingParts {
  /** Whether bridges know that there are several servers. */
  readonly isPlain: boolean;
  /** Whether the commands of a subscription go to its own server only. */
  readonly isBound: boolean;
  /** ms */
  readonly pauseAfterMove: number;
  /** Whether the server of the bridges is kept in Redis. */
  readonly hasHome: boolean;
  /** Whether messages of the server before are taken for a while only. */
  readonly hasLimit: boolean;
  /** Whether the channel is a sharded one, whose marks are published by those who made them. */
  readonly isSharded: boolean;
  /** Whether a bridge knows which mark was made last before its subscription. */
  readonly knowsLast: boolean;
  /** Whether marks say where they were published. */
  readonly saysServer: boolean;
  /** How many lanes the group has; 0 for none. */
  readonly lanes: number;
  /** Whether lanes hear of the server of the bridges. */
  readonly tellsLanes: boolean;
}

const latency = (random: Random) => (random.chance(0.05) ? random.whole(10, 80) : random.whole(1, 4));

/** The connection of a process for commands, to the node that it takes for the owner. */
class Commands implements SharedBridgeStore {
  readonly #process: MovingProcess;
  readonly #parts: MovingParts;
  readonly #random: Random;
  #node: Node | undefined;
  #generation = 0;
  #lastArrival = 0;
  #lastReply = 0;

  constructor(process: MovingProcess, parts: MovingParts, random: Random) {
    this.#process = process;
    this.#parts = parts;
    this.#random = random;
    this.#node = process.view;
  }

  renew(): void {
    this.#node = undefined;
    const generation = ++this.#generation;
    setTimeout(
      () => {
        if (generation === this.#generation) this.#node = this.#process.view;
      },
      this.#random.whole(5, 150),
    );
  }

  async #call<Reply>(run: (node: Node) => Reply, on: string | undefined): Promise<Reply> {
    const bound = this.#parts.isBound && !this.#parts.isSharded ? on : undefined;
    if (bound === undefined && !this.#node) await this.#connected();
    const node = this.#node;
    if (!node) throw new CgroupError('REDIS_UNREACHABLE', 'not connected');
    if (bound !== undefined && bound !== node.id) throw new CgroupError('OTHER_SERVER', 'another server');
    const generation = this.#generation;
    return new Promise<Reply>((resolve, reject) => {
      const lost = setTimeout(() => {
        if (generation === this.#generation) this.renew();
        reject(new CgroupError('OUTCOME_UNKNOWN', 'no reply'));
      }, 2_500);
      const answer = (settle: () => void) => {
        this.#lastReply = Math.max(this.#lastReply, Date.now() + latency(this.#random));
        setTimeout(() => {
          if (generation !== this.#generation) return reject(new CgroupError('OUTCOME_UNKNOWN', 'cut'));
          clearTimeout(lost);
          settle();
        }, this.#lastReply - Date.now());
      };
      this.#lastArrival = Math.max(this.#lastArrival, Date.now() + latency(this.#random));
      setTimeout(
        () =>
          node.when(() => {
            if (!node.owns) {
              answer(() => {
                this.#process.asks();
                reject(new CgroupError('REDIS_REFUSED', 'MOVED'));
              });
              return;
            }
            const reply = run(node);
            answer(() => resolve(reply));
          }),
        this.#lastArrival - Date.now(),
      );
    });
  }

  async #connected(): Promise<void> {
    for (let tries = 0; tries < 40 && !this.#node; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
  }

  async mark(request: MarkRequest) {
    const { isPlain, hasHome, isSharded } = this.#parts;
    if (isSharded) return this.#markSharded(request);
    const server = isPlain ? undefined : (request.on ?? this.#node?.id);
    const run = (node: Node) => (hasHome ? node.mark(request, server) : withoutHome(node, request, server));
    return this.#call(run, server);
  }

  /** The script makes the mark at the node of the group, then the bridge publishes it at that of the channel. */
  async #markSharded(request: MarkRequest) {
    const at = this.#process.channelView;
    const reply = await this.#call((node) => node.markQuietly(request, request.on ?? at.id), undefined);
    if ('taken' in reply) return reply;
    if (request.on !== undefined && request.on !== at.id)
      throw new CgroupError('OTHER_SERVER', 'another server');
    const wait = this.#random.chance(0.3) ? this.#random.whole(20, 400) : latency(this.#random);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!this.#process.publishesAt(at)) throw new CgroupError('REDIS_REFUSED', 'MOVED');
    at.saysHere(markText(reply.mark, reply.secret, at.id));
    return reply;
  }

  take(caller: string, token: number, beat: number, { on, above }: TakeAbove = {}) {
    return this.#call((node) => node.take(caller, token, beat, above), on);
  }
  noted() {
    return this.#call(
      (node) => ({ lanes: this.#parts.lanes, mark: node.lastMark(), isPrepared: true }),
      undefined,
    );
  }
  relay(request: RelayRequest) {
    const lateAfter = this.#parts.hasLimit ? request.lateAfter : undefined;
    return this.#call((node) => node.relay({ ...request, lateAfter }), request.on);
  }
  release(caller: string, token: number, position: Position | undefined, on?: string) {
    return this.#call((node) => node.release(caller, token, position), on);
  }
  readLease() {
    return this.#call((node) => node.look(), undefined);
  }
  lastMark(on?: string) {
    return this.#call((node) => (this.#parts.knowsLast ? node.lastMark() : 0), on);
  }
  missed(caller: string, gap: Gap) {
    return this.#call((node) => node.missed(caller, gap), undefined);
  }
  leave(seat: string) {
    return this.#call((node) => node.leave(seat), undefined);
  }
}

/** A mark with its server, made by a script that does not keep it. */
function withoutHome(node: Node, request: MarkRequest, server: string | undefined) {
  return node.mark({ ...request, joins: true }, server);
}

function laneStore(lane: LaneModel, { tellsLanes }: MovingParts): LaneStore {
  const store = lane.storeFor();
  if (tellsLanes) return store;
  return { ...store, arrive: async () => ({ arrived: true, elapsed: Infinity, isWritten: true }) };
}

/** A subscription at the node that its process takes for the owner. */
class MovingSubscriber extends EventEmitter<{ lost: [] }> implements Subscriber, Output {
  readonly isPlain: boolean;
  bytesReceived = 0;
  readonly #process: MovingProcess;
  readonly #random: Random;
  #node: Node | undefined;
  #channels: OnPush[] = [];
  #lastArrival = 0;
  #closed = false;

  constructor(process: MovingProcess, isPlain: boolean, random: Random) {
    super();
    this.#process = process;
    this.isPlain = isPlain;
    this.#random = random;
  }

  get server(): string | undefined {
    return this.#node?.id;
  }

  async connect(): Promise<void> {
    await this.#later();
    this.#node = this.#process.channelView;
  }

  async subscribe(channels: ReadonlyMap<string, OnPush>): Promise<void> {
    this.#channels = [...channels.values()];
    await this.#later();
    await new Promise<void>((resolve) => this.#node?.when(resolve));
    if (!this.#closed) this.#node?.outputs.add(this);
    await this.#later();
  }

  push(item: number | string): void {
    this.#lastArrival = Math.max(this.#lastArrival, Date.now() + latency(this.#random));
    setTimeout(() => this.#receive(item), this.#lastArrival - Date.now());
  }

  #receive(item: number | string): void {
    if (this.#closed) return;
    const bytes = typeof item === 'number' ? messageOf(item) : Buffer.from(item);
    this.bytesReceived += bytes.length;
    this.#channels[typeof item === 'number' ? 0 : 1]?.(bytes, 0, bytes.length);
  }

  #later(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, latency(this.#random)));
  }

  async unsubscribe(): Promise<void> {
    this.#node?.outputs.delete(this);
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, this.#lastArrival - Date.now())));
  }

  /** The connection is cut. */
  cut(): void {
    if (this.#closed) return;
    this.close();
    this.emit('lost');
  }

  close(): void {
    this.#closed = true;
    this.#node?.outputs.delete(this);
    this.#node = undefined;
  }
}

/** A real bridge, and its connections to the nodes. */
export class MovingProcess {
  /** The node that it takes for the owner. */
  view: Node;
  /** The node of a sharded channel, as it knows it. */
  #shard: Node | undefined;
  readonly bridge: Bridge;
  readonly #store: Commands;
  readonly #owner: () => Node;
  readonly subscribers: MovingSubscriber[] = [];
  /** Of a sharded channel: its node. */
  channelOwner: () => Node = () => this.view;

  constructor(
    id: string,
    owner: () => Node,
    parts: MovingParts,
    random: Random,
    lanes: readonly LaneModel[] = [],
  ) {
    this.#owner = owner;
    this.view = owner();
    this.#store = new Commands(this, parts, random);
    const stores = lanes.map((lane) => laneStore(lane, parts));
    this.bridge = new Bridge({
      id,
      channel: 'news',
      marks: 'marks',
      seats: parts.isSharded ? 3 : 2,
      packSize: () => 1,
      lease: 1_000,
      pauseAfterMove: parts.isSharded ? 0 : parts.pauseAfterMove,
      isSharded: parts.isSharded,
      limits: { retain: 5_000, retainBytes: 1e6, bytes: 1e7 },
      allPositioned: lanes.length > 0,
      store:
        lanes.length > 0
          ? new LanesBridgeStore(this.#store, stores, undefined, {
              lease: 1_000,
              prepare: async () => {},
              log: silentLogger,
            })
          : this.#store,
      makeSubscriber: () => {
        const subscriber = new MovingSubscriber(this, parts.isPlain, random);
        this.subscribers.push(subscriber);
        return subscriber;
      },
      onRate: () => {},
      log: silentLogger,
    });
  }

  /** Whether a node takes what is published on a sharded channel. Else the process learns where that is. */
  publishesAt(node: Node): boolean {
    if (node.owns) return true;
    this.channelView = this.channelOwner();
    return false;
  }

  /** Where it subscribes. */
  get channelView(): Node {
    return this.#shard ?? this.view;
  }

  set channelView(node: Node) {
    this.#shard = node;
  }

  /** Learns who the owner is. Its commands go there from now on; its subscription stays where it is. */
  asks(): void {
    this.view = this.#owner();
    this.#store.renew();
  }
}
