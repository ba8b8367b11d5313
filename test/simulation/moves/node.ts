import type { MarkReply, MarkRequest } from '../../../src/core/bridge-store.js';
import type { Random } from '../random.js';
import { type Output, RedisModel } from '../redis.js';

const QUIET = { marked: () => {}, took: () => {}, relayed: () => {} };

/** What goes over a link between two nodes, in order. */
interface BusLink {
  lastArrival: number;
  isCut: boolean;
}

/** A node of a Cluster: what is published at it reaches all nodes, at each in another order. */
export class Node extends RedisModel {
  readonly id: string;
  /** Whether it takes the commands of the group. */
  owns = false;
  /** The text of a mark without its server. */
  readonly #hidesServer: boolean;
  readonly #random: Random;
  #isQuiet = false;
  readonly #links = new Map<Node, BusLink>();
  /** While it is stopped: what happens when it goes on. */
  #piledUp: (() => void)[] | undefined;

  constructor(name: string, random: Random, hidesServer: boolean) {
    super(() => Date.now(), QUIET);
    this.id = name.repeat(40);
    this.#random = random;
    this.#hidesServer = hidesServer;
  }

  join(others: readonly Node[]): void {
    for (const other of others) if (other !== this) this.#links.set(other, { lastArrival: 0, isCut: false });
  }

  /** Nothing goes from here to there and back any more, or it does again. */
  cut(other: Node, isCut: boolean): void {
    for (const link of [this.#links.get(other), other.#links.get(this)]) if (link) link.isCut = isCut;
  }

  override publish(message: number): void {
    this.#spread(message);
  }

  override says(text: string): void {
    if (this.#isQuiet) return;
    this.#spread(this.#hidesServer ? text.replace(/ \w{40}$/, '') : text);
  }

  /** A mark that is not published by the script. */
  markQuietly(request: MarkRequest, server: string): MarkReply {
    this.#isQuiet = true;
    const reply = this.mark(request, server);
    this.#isQuiet = false;
    return reply;
  }

  /** SPUBLISH */
  saysHere(item: number | string): void {
    this.#push(item);
  }

  /** Does it now, or when it goes on. */
  when(what: () => void): void {
    if (this.#piledUp) this.#piledUp.push(what);
    else what();
  }

  stop(): void {
    this.#piledUp ??= [];
  }

  goOn(): void {
    const piledUp = this.#piledUp ?? [];
    this.#piledUp = undefined;
    for (const what of piledUp) what();
  }

  #spread(item: number | string): void {
    this.#push(item);
    for (const [other, link] of this.#links) {
      if (link.isCut) continue;
      const delay = this.#random.chance(0.05) ? this.#random.whole(10, 250) : this.#random.whole(1, 8);
      link.lastArrival = Math.max(link.lastArrival, Date.now() + delay);
      setTimeout(() => other.when(() => other.#push(item)), link.lastArrival - Date.now());
    }
  }

  #push(item: number | string): void {
    for (const output of this.outputs as Set<Output>) output.push(item);
  }
}
