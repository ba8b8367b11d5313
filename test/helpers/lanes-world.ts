import { BridgeMachine } from '../../src/bridge/machine.js';
import type { Gap, Lease, MadeMark, MarkRequest, ReleaseReply } from '../../src/core/bridge-store.js';
import type { LaneStore, SharedBridgeStore } from '../../src/core/lane-store.js';
import { isSame } from '../../src/core/position.js';
import { silentLogger } from '../../src/log/logger.js';
import { LanesBridgeStore } from '../../src/redis/lanes-bridge-store.js';
import { NodeModel } from './node-model.js';

/** A call on its way to a node. Calls of one connection arrive in their order. */
interface Call {
  readonly connection: string;
  readonly arrive: () => void;
  readonly lose: () => void;
}

/** What the world does in one step; numbers choose among what there is. */
export interface Step {
  readonly kind:
    | 'publish'
    | 'mark'
    | 'arrive'
    | 'fail'
    | 'lose'
    | 'crash'
    | 'lane'
    | 'base'
    | 'remember'
    | 'clock';
  readonly which: number;
}

/** Several bridges, a node for the group and one for each lane. */
export class LanesWorld {
  readonly base = new NodeModel();
  readonly lanes: NodeModel[];
  readonly published: string[] = [];
  readonly bridges: ModelBridge[] = [];
  readonly path: string | undefined;
  now = 1_000;
  /** ms by which the clock of the group's node is ahead. */
  skew = 0;
  #calls: Call[] = [];
  #count = 0;

  constructor(lanes: number, path?: string) {
    this.path = path;
    this.lanes = Array.from({ length: lanes }, () => new NodeModel());
    for (let i = 0; i < 2; i++) this.join();
  }

  join(): void {
    const bridge: ModelBridge = new ModelBridge(this, `b${++this.#count}#1`);
    this.bridges.push(bridge);
  }

  /** A call to a node, made by a bridge. */
  send<Reply>(connection: string, run: () => Reply): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#calls.push({
        connection,
        arrive: () => resolve(structuredClone(run())),
        lose: () => reject(new Error('no reply')),
      });
    });
  }

  async step({ kind, which }: Step): Promise<void> {
    this.now += 10;
    const bridge = this.bridges[which % this.bridges.length] as ModelBridge;
    switch (kind) {
      case 'publish': {
        const number = this.published.length + 1;
        this.published.push(this.path ? JSON.stringify({ k: which % 7, n: number }) : String(number));
        for (const one of this.bridges) one.hear(Buffer.from(this.published.at(-1) as string));
        break;
      }
      case 'mark':
        bridge.mark();
        break;
      case 'arrive':
      case 'fail':
      case 'lose': {
        const firsts = this.#calls.filter(
          ({ connection }, i) => this.#calls.findIndex((call) => call.connection === connection) === i,
        );
        const call = firsts[which % Math.max(firsts.length, 1)];
        if (!call) break;
        this.#calls.splice(this.#calls.indexOf(call), 1);
        // It fails before it arrives, or its reply is lost: a promise settles once.
        if (kind !== 'arrive') call.lose();
        if (kind !== 'fail') call.arrive();
        break;
      }
      case 'crash':
        // Its calls may still arrive.
        this.bridges.splice(this.bridges.indexOf(bridge), 1);
        bridge.crashed = true;
        this.join();
        break;
      case 'lane':
        this.lanes[which % this.lanes.length]?.goBack(1 + (which % 3));
        break;
      case 'base':
        this.base.goBack(1 + (which % 3));
        break;
      case 'remember':
        for (const node of [this.base, ...this.lanes]) node.remember();
        break;
      case 'clock':
        this.skew = -(which % 600);
    }
    for (let i = 0; i < 12; i++) await Promise.resolve();
    for (const one of this.bridges) one.act();
    for (let i = 0; i < 12; i++) await Promise.resolve();
  }

  /** Until a bridge leads, the other one follows, and the group's position is after the first marks of both: neither lacks anything. */
  async start(): Promise<void> {
    let inStep: number | undefined;
    for (let i = 0; i < 1_000; i++) {
      await this.step({ kind: i % 7 === 0 ? 'mark' : 'arrive', which: i });
      const phases = this.bridges.map(({ machine }) => machine.phase);
      const { mark, position } = this.base.state;
      if (phases.includes('leading') && !phases.includes('joining')) inStep ??= mark;
      if (inStep !== undefined && position && position.epoch > inStep) return;
    }
    throw new Error('no bridge leads');
  }

  /** Without further faults: until all that the bridges have is relayed. */
  async settle(): Promise<void> {
    for (let i = 0; i < 3_000; i++) {
      await this.step({ kind: i % 7 === 0 ? 'mark' : 'arrive', which: (i * 7_919) % 1_009 });
      if (i > 1_500 && this.bridges.every(({ machine }) => machine.buffered === 0) && this.isQuiet) return;
    }
    throw new Error('the bridges do not come to rest');
  }

  /** The gaps whose records are there. */
  get gaps(): readonly Gap[] {
    return this.base.state.gaps;
  }

  get isQuiet(): boolean {
    return this.#calls.every(({ connection }) => connection.endsWith(' base'));
  }
}

/** A bridge, which stays subscribed: machine and store, and the calls between them. */
class ModelBridge {
  machine: BridgeMachine;
  readonly #world: LanesWorld;
  readonly #id: string;
  readonly #store: LanesBridgeStore;
  crashed = false;
  #isSubscribed = false;
  #marking = false;

  constructor(world: LanesWorld, id: string) {
    this.#world = world;
    this.#id = id;
    this.machine = this.#machineFrom(0);
    const { base, lanes } = world;
    const send = <Reply>(node: string, run: () => Reply) => world.send(`${id} ${node}`, run);
    const shared: SharedBridgeStore = {
      mark: (request) => send('base', () => this.#made(request)),
      take: (caller, token, beat, options) =>
        send('base', () => base.take(caller, token, beat, options?.above)),
      relay: (request) =>
        send('base', () => {
          return base.relay(request);
        }),
      release: () => send('base', (): ReleaseReply => ({ kind: 'released' })),
      readLease: () => send('base', () => this.#lease()),
      lastMark: () => send('base', () => base.state.mark),
      missed: (_caller, gap) => send('base', () => void base.state.gaps.push(gap)),
      leave: async () => {},
      noted: () => send('base', () => ({ lanes: base.state.lanes, mark: base.state.mark, isPrepared: true })),
    };
    const stores = lanes.map(
      (node, lane): LaneStore => ({
        arrive: (mark) => send(`lane ${lane}`, () => node.arrive(mark)),
        lead: (caller, token) => send(`lane ${lane}`, () => node.lead(caller, token)),
        relay: (request) => send(`lane ${lane}`, () => node.relay(request)),
      }),
    );
    this.#store = new LanesBridgeStore(shared, stores, world.path, {
      lease: 500,
      prepare: async () => {},
      log: silentLogger,
      now: () => world.now,
    });
  }

  #machineFrom(seen: number): BridgeMachine {
    return new BridgeMachine({
      ...{ id: this.#id, lease: 500, maxMessages: 5, maxBytes: 1e6, seen, allPositioned: true },
      limits: { retain: 1e9, retainBytes: 1e9, bytes: 1e9 },
    });
  }

  hear(message: Buffer): void {
    if (this.#isSubscribed) this.machine.message(message);
  }

  cut(mark: number): void {
    if (this.#isSubscribed) this.machine.cut(mark, this.#world.now);
  }

  #lease(): Lease {
    const { token, beat, holder, position } = this.#world.base.state;
    return { token, beat, holder, relayed: position };
  }

  #made({ caller, token, advance, seen }: MarkRequest): MadeMark {
    const { state } = this.#world.base;
    state.mark = Math.max(state.mark + 1, seen + 1, this.#world.now + this.#world.skew);
    if (state.holder === caller && state.token === token) {
      state.beat++;
      if (advance && isSame(state.position, advance.from)) state.position = advance.to;
    }
    const { mark } = state;
    for (const one of this.#world.bridges) one.cut(mark);
    return { mark, secret: '', clock: this.#world.now, bridges: 2, lease: this.#lease(), healed: [] };
  }

  mark(): void {
    if (this.#marking) return;
    this.#marking = true;
    const done = this.#isSubscribed ? this.#beat() : this.#subscribe();
    done
      .catch(() => {})
      .finally(() => {
        this.#marking = false;
      });
  }

  async #beat(): Promise<void> {
    const reply = await this.#store.mark({ ...this.#seat, ...this.machine.markIntent() });
    if ('mark' in reply && !this.crashed) this.machine.marked(reply, this.#world.now);
  }

  async #subscribe(): Promise<void> {
    const reply = await this.#store.mark({ ...this.#seat, seen: 0, joins: true });
    if (!('mark' in reply)) return;
    this.machine = this.#machineFrom(reply.mark);
    this.#isSubscribed = true;
    try {
      this.machine.subscribed(await this.#store.lastMark());
    } catch {
      this.#isSubscribed = false;
      this.machine = this.#machineFrom(0);
    }
  }

  get #seat() {
    return { caller: this.#id, seat: this.#id, seats: 2, secret: '', secretKnown: true };
  }

  act(): void {
    if (this.crashed) return;
    const action = this.machine.next(this.#world.now);
    if (!action) return;
    const done = async () => {
      if (action.kind === 'take') {
        const reply = await this.#store.take(this.#id, action.token, action.beat, {
          seen: this.machine.seen,
        });
        return () => this.machine.took(reply, this.#world.now);
      }
      if (action.kind !== 'relay') throw new Error('its subscription has not ended');
      const reply = await this.#store.relay({ caller: this.#id, packSize: 1, ...action });
      return () => this.machine.wrote(reply, this.#world.now);
    };
    done().then(
      (tell) => {
        if (!this.crashed) tell();
      },
      () => {
        if (!this.crashed) this.machine.failed(this.#world.now);
      },
    );
  }
}
