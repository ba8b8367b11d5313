import { expect } from 'vitest';
import type { MachineOptions } from '../../src/bridge/action.js';
import type { Limits } from '../../src/bridge/buffer.js';
import { BridgeMachine } from '../../src/bridge/machine.js';
import type { Lease } from '../../src/core/bridge-store.js';
import type { Position } from '../../src/core/position.js';

/** The id of the machine under test, and of another bridge. */
export const ME = 'me#1';
export const OTHER = 'other#1';
/** ms */
export const LEASE = 1_000;

export const at = (epoch: number, offset: number): Position => ({ epoch, offset });

/** Limits that only tests of limits reach. */
const ROOMY: Limits = { retain: 5_000, retainBytes: 1e6, bytes: 1e7 };

export const BENCH_OPTIONS: MachineOptions = {
  id: ME,
  lease: LEASE,
  maxMessages: 3,
  maxBytes: 100,
  limits: ROOMY,
  seen: 0,
};

/** A bridge machine with a clock that the test sets. Its methods feed events; `next` gives the next action. */
export class Bench {
  readonly machine: BridgeMachine;
  now = 50_000;

  constructor(options: { readonly limits?: Partial<Limits>; readonly seen?: number } = {}) {
    const { limits, seen = 0 } = options;
    this.machine = new BridgeMachine({ ...BENCH_OPTIONS, limits: { ...ROOMY, ...limits }, seen });
    this.machine.subscribed(0);
  }

  hear(...messages: string[]): this {
    for (const message of messages) this.machine.message(Buffer.from(message));
    return this;
  }

  /** A mark comes, and then the reply to an own one, which has the same lease. */
  mark({ epoch, bridges = 1, ...lease }: Partial<Lease> & { epoch: number; bridges?: number }): this {
    this.machine.cut(epoch, this.now);
    return this.reply({ bridges, ...lease });
  }

  reply({ bridges = 1, ...lease }: Partial<Lease> & { bridges?: number }): this {
    const given = { token: 0, beat: 0, relayed: undefined, holder: '', ...lease };
    this.machine.marked({ bridges, lease: given }, this.now);
    return this;
  }

  later(ms: number): this {
    this.now += ms;
    return this;
  }

  /** Its subscription ends. */
  end(): this {
    this.machine.end();
    return this;
  }

  /** Its next action, with messages as text. */
  next(mayTake = true) {
    const action = this.machine.next(this.now, mayTake);
    return action?.kind === 'relay' ? { ...action, messages: Array.from(action.messages, String) } : action;
  }

  took(token: number, position?: Position, lastBeat?: number, lost = false): this {
    this.machine.took({ taken: true, token, position, lost, lastBeat }, this.now);
    return this;
  }

  refused(): this {
    this.machine.took({ taken: false }, this.now);
    return this;
  }

  written(): this {
    this.machine.wrote({ kind: 'written' }, this.now);
    return this;
  }

  fenced(): this {
    this.machine.wrote({ kind: 'fenced' }, this.now);
    return this;
  }

  elsewhere(position: Position | undefined): this {
    this.machine.wrote({ kind: 'elsewhere', position }, this.now);
    return this;
  }

  looked(lease: Partial<Lease>): this {
    this.machine.looked({ token: 0, beat: 0, relayed: undefined, holder: '', ...lease }, this.now);
    return this;
  }

  released(): this {
    this.machine.released({ kind: 'released' }, this.now);
    return this;
  }

  notReleased(position: Position | undefined): this {
    this.machine.released({ kind: 'elsewhere', position }, this.now);
    return this;
  }

  /** Takes the lead with token 5 after mark 10; all messages before the mark are relayed. */
  lead(): this {
    this.mark({ epoch: 10 });
    expect(this.next()).toMatchObject({ kind: 'take' });
    return this.took(5, at(10, 0));
  }

  /** Relays until there is no next action; returns the messages. */
  relayAll(): string[] {
    const relayed: string[] = [];
    for (let action = this.next(); action; action = this.next()) {
      if (action.kind !== 'relay') throw new Error(`unexpected action: ${action.kind}`);
      relayed.push(...action.messages);
      this.written();
    }
    return relayed;
  }
}
