import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/log/logger.js';
import { DeliveryIds } from '../../../../src/processor/desk/delivery-ids.js';
import { Suspects } from '../../../../src/processor/desk/suspects.js';
import { Session, TICK, type WorkerConnection } from '../../../../src/processor/remote/session.js';
import { type SessionEnd, WorkerConsumer } from '../../../../src/processor/remote/worker-consumer.js';
import type { Hello } from '../../../../src/protocol/schema.js';

const MB = 2 ** 20;

class FakeConnection implements WorkerConnection {
  readonly address = '10.0.0.1:5';
  received = 0;
  unsent = 0;
  readonly sent: Record<string, unknown>[] = [];
  pings = 0;
  paused = false;
  closed: [number, string] | undefined;
  terminated = false;

  send(line: string): void {
    this.sent.push(JSON.parse(line) as Record<string, unknown>);
  }
  ping(): void {
    this.pings++;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  close(code: number, reason: string): void {
    this.closed = [code, reason];
  }
  terminate(): void {
    this.terminated = true;
  }
}

/** A session, and what it says and does. */
function session() {
  const connection = new FakeConnection();
  const hellos: Hello[] = [];
  const wrong: string[] = [];
  const ends: SessionEnd[] = [];
  const lines: string[] = [];
  let dropped = 0;
  const ids = new DeliveryIds('p');
  const one = new Session({
    connection,
    ids,
    heartbeat: 1_000,
    lease: 3_000,
    log: { ...silentLogger, info: (_fields, text) => lines.push(text) },
    onHello: (hello) => hellos.push(hello),
    onWrong: (error) => wrong.push(error),
    onDropped: (count) => {
      dropped += count;
    },
    onEnd: (end) => ends.push(end),
  });
  let now = 0;
  const outcomes: string[] = [];
  const consumer = new WorkerConsumer({
    name: 'w',
    consumerId: 'p-w-1',
    concurrency: 2,
    timeout: 60_000,
    ids,
    suspects: new Suspects(),
  });
  return {
    one,
    connection,
    hellos,
    wrong,
    ends,
    lines,
    outcomes,
    consumer,
    dropped: () => dropped,
    says: (message: object) => one.onMessage(JSON.stringify({ jsonrpc: '2.0', ...message })),
    /** Time goes by. */
    pass: (ms: number, isAlive = true) => {
      for (const end = now + ms; now < end; ) {
        now += TICK;
        if (isAlive) connection.received++;
        one.tick(now);
      }
    },
    give: (messageId: string) =>
      consumer.executor.execute(
        { inboxId: `${messageId}-0`, message: JSON.stringify({ message_id: messageId }), attempt: 1 },
        (_delivery, outcome) => outcomes.push(outcome.kind),
      ),
  };
}

/** A session after its hello. */
function welcomed() {
  const it = session();
  it.says({ id: 'h', method: 'hello', params: { name: 'w', concurrency: 2, protocol: 1 } });
  it.one.welcome({
    group: 'g',
    channel: 'c',
    heartbeat: 1_000,
    lease: 3_000,
    consumer_id: 'p-w-1',
    concurrency: 2,
    resumed: [],
  });
  it.consumer.attach(it.one, 2);
  return it;
}

describe('hello', () => {
  it('is answered, and deliveries follow', () => {
    const { connection, hellos, give } = welcomed();
    expect(hellos).toEqual([{ name: 'w', concurrency: 2, protocol: 1, holds: [] }]);
    give('a');
    expect(connection.sent.map(({ id, method }) => method ?? id)).toEqual(['h', 'process']);
  });

  it.each([
    ['a wrong version', { id: 1, method: 'hello', params: { name: 'w', protocol: 2 } }, -32_602],
    ['a wrong name', { id: 1, method: 'hello', params: { name: 'a b', protocol: 1 } }, -32_602],
    ['no id', { method: 'hello', params: { name: 'w', protocol: 1 } }, -32_600],
    ['a log before it', { method: 'log', params: { level: 'info', msg: '' } }, -32_600],
    ['an answer before it', { id: 'p/1', result: 1 }, -32_600],
    ['rubbish', { jsonrpc: '1.0' }, -32_600],
  ])('with %s gets an error and 4400', (_, message, code) => {
    const { connection, says, ends, wrong } = session();
    says(message);
    expect(connection.sent).toMatchObject([{ error: { code } }]);
    expect(connection.closed?.[0]).toBe(4400);
    expect(ends).toHaveLength(1);
    expect(wrong).toHaveLength(1);
  });

  it('must come within 10 s', () => {
    const { connection, pass } = session();
    pass(10_000);
    expect(connection.closed).toBeUndefined();
    pass(200);
    expect(connection.closed?.[0]).toBe(4408);
  });

  it('must come within 4 MB; later there may be more', () => {
    const late = session();
    late.connection.received = 4 * MB - 1;
    late.pass(TICK);
    expect(late.connection.terminated).toBe(false);
    late.connection.received = 5 * MB;
    late.pass(TICK);
    expect(late.connection.terminated).toBe(true);
    const { connection, pass } = welcomed();
    connection.received = 5 * MB;
    pass(TICK);
    expect(connection.terminated).toBe(false);
  });

  it('is said once', () => {
    const { connection, says } = welcomed();
    says({ id: 2, method: 'hello', params: { name: 'w', protocol: 1 } });
    expect(connection.sent.at(-1)).toMatchObject({ id: 2, error: { code: -32_600 } });
    expect(connection.closed).toBeUndefined();
  });
});

describe('wrong messages', () => {
  it('end the session after 100 in a row', () => {
    const { one, connection, says, wrong } = welcomed();
    for (let i = 0; i < 99; i++) one.onMessage('{"half');
    says({ method: 'log', params: { level: 'info', msg: 'right' } });
    for (let i = 0; i < 99; i++) one.onBinary();
    expect(connection.closed).toBeUndefined();
    says({ id: 3, method: 'nonsense' });
    expect(connection.closed?.[0]).toBe(1008);
    expect(wrong).toHaveLength(199);
    one.onMessage('more');
    expect(wrong).toHaveLength(199);
  });
});

describe('answers', () => {
  it('count once; later ones, and those to ids that were given to nobody, are told to be late', () => {
    const { connection, says, give, outcomes } = welcomed();
    give('a');
    says({ id: 'p/1', result: { a: 1 } });
    expect(outcomes).toEqual(['processed']);
    says({ id: 'p/1', result: { a: 2 } });
    expect(connection.sent.at(-1)).toMatchObject({
      method: 'cancel',
      params: { delivery_id: 'p/1', reason: expect.stringMatching(/^late/) },
    });
    says({ id: 'p/2', error: { code: 1, message: 'x' } });
    expect(connection.sent.at(-1)).toMatchObject({ id: null, error: { code: -32_001 } });
    says({ id: 4, method: 'extend', params: { delivery_id: 'p/1', ms: 5 } });
    expect(connection.sent.at(-1)).toMatchObject({ id: 4, error: { code: -32_001 } });
    expect(outcomes).toHaveLength(1);
  });
});

describe('a worker that floods', () => {
  it('is read again with the next tick; its answers to deliveries do not count', () => {
    const { one, connection, says, pass, give } = welcomed();
    for (let i = 1; i <= 3_000; i++) {
      give(`m${i}`);
      says({ id: `p/${i}`, result: {} });
    }
    expect(connection.paused).toBe(false);
    for (let i = 0; i < 1_000; i++) says({ id: 'p/1', result: {} });
    expect(connection.paused).toBe(true);
    pass(TICK);
    expect(connection.paused).toBe(false);
    for (let i = 0; i < 1_000; i++) one.onSignOfLife();
    expect(connection.paused).toBe(true);
  });

  it('writes at most 100 lines a tick to the log; the others are counted', () => {
    const { says, pass, lines, dropped } = welcomed();
    for (let i = 0; i < 500; i++) says({ method: 'log', params: { level: 'info', msg: `${i}` } });
    expect(lines).toHaveLength(100);
    pass(TICK);
    expect(dropped()).toBe(400);
    says({ method: 'log', params: { level: 'info', msg: 'x'.repeat(1_000_000) } });
    expect(lines.at(-1)?.length).toBeLessThan(11_000);
  });
});

describe('a worker that is silent', () => {
  it('gets pings, and is cut off after the lease: it cannot come back', () => {
    const { connection, ends, pass } = welcomed();
    pass(5_000);
    expect(connection.pings).toBeGreaterThanOrEqual(4);
    pass(2_900, false);
    expect(connection.terminated).toBe(false);
    pass(200, false);
    expect(connection.terminated).toBe(true);
    expect(ends).toEqual([{ clean: false, mayResume: false, why: 'it was silent for 3000 ms' }]);
  });

  it('is not to blame for a time in which this process stood still', () => {
    const { connection, one, pass } = welcomed();
    pass(1_000);
    one.tick(60_000);
    expect(connection.terminated).toBe(false);
  });
});

describe('a worker that reads too slowly', () => {
  it('gets no further deliveries until it has read', () => {
    const { connection, one, give } = welcomed();
    connection.unsent = 2 * MB;
    give('a');
    expect(connection.sent).toHaveLength(1);
    connection.unsent = 0;
    one.onDrain();
    expect(connection.sent).toHaveLength(2);
  });

  it('is cut off when 64 MB wait for it, unless that is one large message', () => {
    const { connection, consumer, pass, outcomes } = welcomed();
    const message = JSON.stringify({ message_id: 'a', text: 'x'.repeat(10 * MB) });
    consumer.executor.execute({ inboxId: '1-0', message, attempt: 1 }, (_, { kind }) => outcomes.push(kind));
    connection.unsent = 70 * MB;
    pass(TICK);
    expect(connection.terminated).toBe(false);
    connection.unsent = 500 * MB;
    pass(TICK);
    expect(connection.terminated).toBe(true);
  });
});

describe('the end of a connection', () => {
  it.each([
    [1000, true],
    [1001, true],
    [1005, true],
    [1006, false],
    [1011, false],
  ])('with code %i is clean: %s', (code, clean) => {
    const { one, ends } = welcomed();
    one.onClose(code, undefined);
    expect(ends).toMatchObject([{ clean, mayResume: true }]);
  });

  it('is clean after quiet, and not after an error', () => {
    const { one, says, ends } = welcomed();
    says({ method: 'quiet' });
    one.onClose(1006, undefined);
    expect(ends[0]?.clean).toBe(true);
    const broken = welcomed();
    broken.one.onBroken('Invalid UTF8');
    broken.one.onClose(1000, 'Invalid UTF8');
    expect(broken.ends).toEqual([{ clean: false, mayResume: true, why: 'Invalid UTF8' }]);
  });
});
