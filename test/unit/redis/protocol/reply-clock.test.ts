import { describe, expect, it } from 'vitest';
import { ReplyClock, type Traffic } from '../../../../src/redis/protocol/reply-clock.js';

const LOOK = 250;
const KB = 1024;

/** A clock that allows 5 s, and a link whose traffic the test sets. */
function setUp() {
  const clock = new ReplyClock(5_000);
  let traffic: Traffic = { received: 0, written: 0, unsent: 0 };
  const look = (elapsed = LOOK, waiting = false) => clock.look(elapsed, traffic, waiting);
  return {
    clock,
    look,
    move: (more: Partial<Traffic>) => {
      const { received, written } = traffic;
      traffic = {
        received: received + (more.received ?? 0),
        written: written + (more.written ?? 0),
        unsent: more.unsent ?? traffic.unsent,
      };
    },
    newSocket: () => {
      traffic = { received: 0, written: 0, unsent: 0 };
    },
    send: (bytes: number, unsent = 0) => {
      clock.sending(traffic.written);
      traffic = { ...traffic, written: traffic.written + bytes, unsent };
    },
    /** ms until the link is dead, if `step` happens before each look. */
    deadAfter: (step: () => void = () => {}, longest = 120_000): number => {
      for (let ms = LOOK; ms <= longest; ms += LOOK) {
        step();
        if (look()) return ms;
      }
      return Number.POSITIVE_INFINITY;
    },
  };
}

describe('the clock of replies', () => {
  it('finds a link dead 5 s after the command, if nothing moves', () => {
    const { send, deadAfter } = setUp();
    send(40);
    expect(deadAfter()).toBe(5_000);
  });

  it('never finds an idle link dead, and counts from the next command', () => {
    const { send, deadAfter } = setUp();
    expect(deadAfter()).toBe(Number.POSITIVE_INFINITY);
    send(40);
    expect(deadAfter()).toBe(5_000);
  });

  it('counts for commands that were not announced too', () => {
    const { look } = setUp();
    for (let i = 1; i < 20; i++) expect(look(LOOK, true)).toBe(false);
    expect(look(LOOK, true)).toBe(true);
  });

  it('starts again as long as a reply comes, however long it takes, and after each reply', () => {
    const { clock, send, move, deadAfter } = setUp();
    send(40);
    send(40);
    expect(deadAfter(() => move({ received: 3 * KB }))).toBe(Number.POSITIVE_INFINITY);
    clock.answered();
    expect(deadAfter()).toBe(5_000);
  });

  it('does not wait without end for a reply that comes byte by byte', () => {
    const { send, move, deadAfter } = setUp();
    send(40);
    expect(deadAfter(() => move({ received: 20 }))).toBe(5_000);
  });

  it('starts again as long as a large command goes, and then gives it time for its way', () => {
    const { send, move, deadAfter } = setUp();
    let unsent = 40_000 * KB;
    send(unsent, unsent);
    const sending = () => {
      unsent = Math.max(0, unsent - 100 * KB);
      move({ unsent });
    };
    // 100 s to send it; then at most 8 MB are on their way.
    expect(deadAfter(sending, 100_000)).toBe(Number.POSITIVE_INFINITY);
    const rest = deadAfter();
    expect(rest).toBeGreaterThan(5_000);
    expect(rest).toBeLessThan(45_000);
  });

  it('finds a link dead that takes no more of a large command', () => {
    const { send, deadAfter } = setUp();
    send(9_000 * KB, 9_000 * KB - 10);
    expect(deadAfter()).toBe(5_000);
  });

  it('does not take small commands for a sign of life: a dead link takes them', () => {
    const { send, deadAfter } = setUp();
    send(100);
    expect(deadAfter(() => send(2 * KB))).toBeLessThan(5_500);
  });

  it('counts no time in which the process did not look', () => {
    const { send, look } = setUp();
    send(40);
    expect(look(60_000)).toBe(false);
    expect(look()).toBe(false);
  });

  it('begins anew with a new socket', () => {
    const { send, move, newSocket, deadAfter, look } = setUp();
    move({ received: 500 * KB });
    look();
    send(40);
    expect(deadAfter(undefined, 4_000)).toBe(Number.POSITIVE_INFINITY);
    newSocket();
    expect(deadAfter(undefined, 5_000)).toBe(Number.POSITIVE_INFINITY);
    expect(deadAfter()).toBe(250);
  });
});
