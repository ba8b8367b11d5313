import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Circuit, type Sign } from '../../../../src/processor/service/circuit.js';

/** A circuit with members, and the clock of its user. */
class Stage {
  readonly circuit = new Circuit();
  readonly members: readonly string[];
  now = 0;
  /** Eras of the requests under way, with their members. */
  readonly underWay: { readonly member: string; readonly era: number }[] = [];

  constructor(members: number) {
    this.members = Array.from({ length: members }, (_, at) => `c${at}`);
    for (const member of this.members) this.circuit.join(member, this.now);
  }

  /** Lets the time pass that the circuit waits for. Returns how long that was, ms. */
  wait(): number {
    const due = this.circuit.dueAt ?? this.now;
    const waited = due - this.now;
    this.now = due;
    this.circuit.advance(this.now);
    return waited;
  }

  /** The member that may send while it is half-open. */
  get turn(): string | undefined {
    return this.members.find((member) => !this.circuit.refuses(member));
  }

  send(member: string): number {
    const era = this.circuit.begin(member);
    if (era === undefined) throw new Error('it must wait');
    return era;
  }

  /** Sends a request that ends at once. */
  end(member: string, sign: Sign): boolean {
    return this.circuit.ended(this.send(member), sign, this.now);
  }

  /** Waits for the turn of a member, which sends a probe that ends so. Returns how long it waited, ms. */
  probe(sign: Sign): number {
    const waited = this.wait();
    this.end(String(this.turn), sign);
    return waited;
  }
}

describe('a circuit', () => {
  it('opens at once when there is no connection', () => {
    const { circuit, ...stage } = new Stage(2);
    expect(circuit.state).toBe('flowing');
    const era = circuit.begin('c0') ?? -1;
    expect(circuit.ended(era, 'unreachable', stage.now)).toBe(true);
    expect(circuit.state).toBe('open');
    for (const member of stage.members) {
      expect(circuit.refuses(member)).toBe(true);
      expect(circuit.begin(member)).toBeUndefined();
    }
  });

  it('opens after 5 failures in a row, of any consumers', () => {
    const stage = new Stage(3);
    for (const member of ['c0', 'c1', 'c2', 'c0']) expect(stage.end(member, 'failing')).toBe(false);
    expect(stage.circuit.state).toBe('flowing');
    expect(stage.end('c1', 'failing')).toBe(true);
    expect(stage.circuit.state).toBe('open');
  });

  it('an answer ends the row; a timeout or an interruption neither ends nor lengthens it', () => {
    const stage = new Stage(1);
    for (const sign of ['failing', 'failing', 'late', 'failing', 'unknown', 'failing', 'answered'] as const)
      stage.end('c0', sign);
    for (let count = 0; count < 4; count++) stage.end('c0', 'failing');
    for (let count = 0; count < 9; count++) stage.end('c0', 'late');
    expect(stage.circuit.state).toBe('flowing');
    stage.end('c0', 'failing');
    expect(stage.circuit.state).toBe('open');
  });

  it('waits 1 s for the first probe, twice as long after each that fails, and 30 s at most', () => {
    const stage = new Stage(2);
    stage.end('c0', 'unreachable');
    const waits = (
      ['unreachable', 'failing', 'late', 'failing', 'failing', 'failing', 'failing'] as const
    ).map((sign) => stage.probe(sign));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it('an answer makes the wait short again; a connection alone does not', () => {
    const stage = new Stage(1);
    stage.end('c0', 'unreachable');
    stage.wait();
    const probe = stage.send('c0');
    expect(stage.circuit.connected(probe)).toBe(true);
    stage.end('c0', 'unreachable');
    expect(stage.wait()).toBe(2_000);
    stage.end('c0', 'answered');
    stage.end('c0', 'unreachable');
    expect(stage.wait()).toBe(1_000);
  });

  it('lets one consumer send one probe, and all others wait for its end', () => {
    const stage = new Stage(3);
    stage.end('c0', 'unreachable');
    stage.wait();
    expect(stage.members.filter((member) => !stage.circuit.refuses(member))).toHaveLength(1);
    const turn = String(stage.turn);
    const probe = stage.send(turn);
    expect(stage.circuit.begin(turn)).toBeUndefined();
    expect(stage.circuit.dueAt).toBeUndefined();
    expect(stage.circuit.ended(probe, 'answered', stage.now)).toBe(true);
    for (const member of stage.members) expect(stage.circuit.begin(member)).toBe(probe);
  });

  it('after there was no connection, the connection of the probe is enough', () => {
    const stage = new Stage(2);
    stage.end('c0', 'unreachable');
    stage.wait();
    expect(stage.circuit.connected(stage.send(String(stage.turn)))).toBe(true);
    expect(stage.circuit.state).toBe('flowing');
  });

  it('after failures, only an answer is enough', () => {
    const stage = new Stage(1);
    for (let count = 0; count < 5; count++) stage.end('c0', 'failing');
    stage.wait();
    const probe = stage.send('c0');
    expect(stage.circuit.connected(probe)).toBe(false);
    expect(stage.circuit.state).toBe('half-open');
    stage.circuit.ended(probe, 'answered', stage.now);
    expect(stage.circuit.state).toBe('flowing');
  });

  it('passes the turn on, each second, while the consumer that has it sends nothing', () => {
    const stage = new Stage(3);
    stage.end('c0', 'unreachable');
    stage.wait();
    const turns = [stage.turn];
    for (let count = 0; count < 3; count++) {
      expect(stage.wait()).toBe(1_000);
      turns.push(stage.turn);
    }
    expect(new Set(turns.slice(0, 3))).toEqual(new Set(stage.members));
    expect(turns[3]).toBe(turns[0]);
  });

  it('passes the turn on at once when its consumer leaves, or its probe is interrupted', () => {
    const stage = new Stage(3);
    stage.end('c0', 'unreachable');
    stage.wait();
    const first = String(stage.turn);
    stage.circuit.leave(first, stage.now);
    const second = String(stage.turn);
    expect(second).not.toBe(first);
    stage.end(second, 'unknown');
    expect(stage.circuit.state).toBe('half-open');
    expect([first, second]).not.toContain(stage.turn);
  });

  it('counts the probe of a consumer that leaves meanwhile', () => {
    const stage = new Stage(2);
    stage.end('c0', 'unreachable');
    stage.wait();
    const turn = String(stage.turn);
    const probe = stage.send(turn);
    stage.circuit.leave(turn, stage.now);
    stage.circuit.ended(probe, 'answered', stage.now);
    expect(stage.circuit.state).toBe('flowing');
  });

  it('waits without a consumer, and gives the turn to the first that comes', () => {
    const stage = new Stage(1);
    stage.end('c0', 'unreachable');
    stage.circuit.leave('c0', stage.now);
    stage.wait();
    expect([stage.circuit.state, stage.circuit.dueAt]).toEqual(['half-open', undefined]);
    stage.circuit.join('c9', stage.now);
    expect(stage.circuit.refuses('c9')).toBe(false);
  });

  it('ignores what was sent before it opened', () => {
    const stage = new Stage(2);
    const old = [stage.send('c0'), stage.send('c1'), stage.send('c1')];
    stage.end('c0', 'unreachable');
    expect(stage.circuit.ended(Number(old[0]), 'answered', stage.now)).toBe(false);
    stage.wait();
    expect(stage.circuit.ended(Number(old[1]), 'unreachable', stage.now)).toBe(false);
    expect(stage.circuit.state).toBe('half-open');
    stage.end(String(stage.turn), 'answered');
    expect(stage.circuit.ended(Number(old[2]), 'unreachable', stage.now)).toBe(false);
    expect(stage.circuit.state).toBe('flowing');
  });
});

const signs = ['answered', 'failing', 'late', 'unreachable', 'unknown'] as const;
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('send', 'join', 'leave'), member: fc.nat(3) }),
    fc.record({ kind: fc.constant('end'), which: fc.nat(20), sign: fc.constantFrom<Sign>(...signs) }),
    fc.record({ kind: fc.constant('connect'), which: fc.nat(20) }),
    fc.record({ kind: fc.constant('wait'), ms: fc.nat(3_000) }),
  ),
  { maxLength: 200 },
);

describe('whatever happens', () => {
  it('at most one request is sent between an opening and the end of the refusal', () => {
    fc.assert(
      fc.property(steps, (story) => {
        const stage = new Stage(4);
        const { circuit, members, underWay } = stage;
        const joined = new Set(members);
        /** Failures without an answer between. */
        let row = 0;
        for (const step of story) {
          const before = circuit.state;
          if ('member' in step) {
            const member = members[step.member] ?? '';
            if (step.kind === 'join') circuit.join(member, stage.now);
            if (step.kind === 'leave') circuit.leave(member, stage.now);
            if (step.kind === 'join') joined.add(member);
            if (step.kind === 'leave') joined.delete(member);
            const era = step.kind === 'send' && joined.has(member) ? circuit.begin(member) : undefined;
            if (era !== undefined) {
              expect(before).not.toBe('open');
              if (before === 'half-open') expect(underWay.filter((other) => other.era === era)).toEqual([]);
              underWay.push({ member, era });
            }
          } else if ('which' in step) {
            const [request] =
              'sign' in step
                ? underWay.splice(step.which % Math.max(underWay.length, 1), 1)
                : underWay.slice(step.which % Math.max(underWay.length, 1));
            if (!request) continue;
            if (!('sign' in step)) circuit.connected(request.era);
            else {
              if (step.sign === 'answered') row = 0;
              if (step.sign === 'failing') row++;
              circuit.ended(request.era, step.sign, stage.now);
              if (before === 'flowing' && circuit.state === 'open')
                expect(step.sign === 'unreachable' || row >= 5).toBe(true);
            }
          } else if ('ms' in step) {
            stage.now += step.ms;
            circuit.advance(stage.now);
          }
          const open = members.filter((member) => !circuit.refuses(member));
          if (circuit.state === 'flowing') expect(open).toEqual(members);
          if (circuit.state === 'open') expect(open).toEqual([]);
          if (circuit.state === 'half-open') expect(open.length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('it flows again soon after the service answers, if a consumer is there', () => {
    fc.assert(
      fc.property(steps, (story) => {
        const stage = new Stage(4);
        const { circuit } = stage;
        for (const step of story) {
          if ('member' in step && step.kind === 'send') {
            const era = circuit.begin(`c${step.member}`);
            if (era !== undefined) stage.underWay.push({ member: `c${step.member}`, era });
          }
          if ('sign' in step) {
            const request = stage.underWay.shift();
            if (request) circuit.ended(request.era, step.sign, stage.now);
          }
          if ('ms' in step) stage.wait();
        }
        for (const { era } of stage.underWay.splice(0)) circuit.ended(era, 'answered', stage.now);
        const began = stage.now;
        for (let tries = 0; circuit.state !== 'flowing' && tries < 9; tries++) {
          stage.wait();
          // Of the consumers, one alone has something to send.
          const era = circuit.refuses('c2') ? undefined : circuit.begin('c2');
          if (era !== undefined) circuit.ended(era, 'answered', stage.now);
        }
        expect(circuit.state).toBe('flowing');
        expect(stage.now - began).toBeLessThanOrEqual(30_000 + 4_000);
      }),
      { numRuns: 500 },
    );
  });
});
