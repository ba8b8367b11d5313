import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Action } from '../../../src/bridge/action.js';
import { comparePositions, type Position } from '../../../src/core/position.js';
import { Bench, ME } from '../../helpers/machine-bench.js';

const same = (a: Position | undefined, b: Position | undefined) =>
  a && b ? comparePositions(a, b) === 0 : a === b;

/** The state and the answers of the scripts, for one machine on the bench. */
class LeaseModel {
  readonly inbox: string[] = [];
  readonly #bench: Bench;
  #epoch = 0;
  #token = 0;
  #beat = 0;
  #holder = '';
  #position: Position | undefined;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** mark.lua; the mark arrives at once. */
  mark(): void {
    const { token, advance } = this.#bench.machine.markIntent();
    if (this.#holder === ME && this.#token === token) {
      this.#beat++;
      if (advance && same(this.#position, advance.from)) this.#position = advance.to;
    }
    this.#bench.mark({
      epoch: ++this.#epoch,
      token: this.#token,
      beat: this.#beat,
      holder: this.#holder,
      relayed: this.#position,
    });
  }

  /** take.lua and relay.lua. Returns a function that delivers the answer. */
  carryOut(action: Action): () => void {
    const bench = this.#bench;
    if (action.kind === 'release' || action.kind === 'look')
      throw new Error('its subscription has not ended');
    if (action.kind === 'take') {
      const free = this.#token === action.token && this.#beat === action.beat;
      if (this.#holder !== ME && !free) return () => bench.refused();
      if (this.#holder !== ME) this.#token++;
      this.#holder = ME;
      const [token, position] = [this.#token, this.#position];
      return () => bench.took(token, position);
    }
    if (this.#holder !== ME || this.#token !== action.token) return () => bench.fenced();
    const position = this.#position;
    if (!same(position, action.from)) return () => bench.elsewhere(position);
    this.inbox.push(...Array.from(action.messages, String));
    this.#position = action.to;
    return () => bench.written();
  }

  /** Another bridge takes the lead, relays nothing, and gives it up again. */
  takeAway(): void {
    this.#token++;
    this.#holder = '';
  }
}

const event = fc.oneof(
  { weight: 4, arbitrary: fc.constant('publish' as const) },
  { weight: 4, arbitrary: fc.constant('ask what to do' as const) },
  { weight: 4, arbitrary: fc.constant('carry it out' as const) },
  { weight: 1, arbitrary: fc.constant('carry it out, lose the answer' as const) },
  { weight: 1, arbitrary: fc.constant('lose it on the way' as const) },
  { weight: 2, arbitrary: fc.constant('mark' as const) },
  { weight: 1, arbitrary: fc.constant('lose a mark on the way' as const) },
  { weight: 1, arbitrary: fc.constant('another bridge leads for a moment' as const) },
  { weight: 1, arbitrary: fc.constant('half a second passes' as const) },
);

it('a machine relays each message once and in order, whatever is lost and whenever others lead', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      const bench = new Bench();
      const redis = new LeaseModel(bench);
      const published: string[] = [];
      let underWay: Action | undefined;

      const happen = (what: typeof event extends fc.Arbitrary<infer E> ? E : never) => {
        const action = underWay;
        if (what === 'publish') {
          published.push(`m${published.length}`);
          bench.hear(`m${published.length - 1}`);
        } else if (what === 'ask what to do') {
          const next = bench.machine.next(bench.now);
          expect(action && next, 'two actions at a time').toBeUndefined();
          underWay ??= next;
        } else if (what === 'mark') redis.mark();
        else if (what === 'lose a mark on the way') bench.machine.markIntent();
        else if (what === 'another bridge leads for a moment') redis.takeAway();
        else if (what === 'half a second passes') bench.later(500);
        else if (action) {
          underWay = undefined;
          const answer = what === 'lose it on the way' ? undefined : redis.carryOut(action);
          if (answer && what === 'carry it out') answer();
          else bench.machine.failed(bench.now);
        }
        expect(redis.inbox).toEqual(published.slice(0, redis.inbox.length));
      };
      for (const one of events) happen(one);

      // Once nothing is lost any more, all messages are relayed.
      for (let turns = 0; turns < 60; turns++)
        for (const one of ['carry it out', 'mark', 'ask what to do'] as const) happen(one);
      expect(redis.inbox).toEqual(published);
      expect(bench.machine.buffered).toBe(0);
    }),
  );
});
