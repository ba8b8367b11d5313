import { join } from 'node:path';
import { publish } from '../../publish/publisher.js';
import type { Stage } from './stage.js';

const CONSUMERS = 3;
/** ms of work per message: the killed process then holds messages. */
const WORK_MS = 20;
const CONCURRENCY = 40;
const MESSAGES = 48_000;
const RATE = 6_000;

/** ms */
const READY_TIMEOUT = 20_000;
const RECOVERY_TIMEOUT = 15_000;
const DRAIN_TIMEOUT = 30_000;

/** The measured facts of a demo. Times in ms since the kill. */
export interface DemoResult {
  readonly redis: string | null;
  readonly processes: readonly number[];
  readonly published: number;
  readonly killed: {
    readonly pid: number;
    /** Whether it led: its bridge relayed the channel. */
    readonly led: boolean;
    readonly consumers: readonly string[];
    /** Messages that its consumers held. */
    readonly held: number;
    /** Until another process relayed. */
    readonly relayingAgainMs: number;
    /** Until its ids left the list. */
    readonly idsGoneMs: number;
    /** Until other consumers had all that its consumers held. */
    readonly takenOverMs: number;
  };
  readonly processed: number;
  readonly dead: number;
  readonly lost: number;
  readonly doubled: number;
  readonly ok: boolean;
  /** From the start of Redis to the verdict. */
  readonly seconds: number;
}

/** Its methods are called at each step. */
export interface Audience {
  redisStarted(version: string | null, port: number): void;
  groupStarted(processes: readonly number[], leader: number, consumers: readonly string[]): void;
  publishing(messages: number, rate: number): void;
  killed(pid: number, held: number): void;
  recovered(killed: DemoResult['killed'], leader: number, consumers: readonly string[]): void;
  drained(): void;
}

/** Starts a group, publishes, kills the leader half-way, and verifies. Undefined if it was aborted. */
export async function play(
  stage: Stage,
  audience: Audience | undefined,
  signal: AbortSignal,
): Promise<DemoResult | undefined> {
  const started = performance.now();
  const { client, redis } = stage;
  const version = redis.version ?? null;
  audience?.redisStarted(version, redis.port);

  const settings = { size: CONSUMERS, simulateMs: WORK_MS, concurrency: CONCURRENCY, logLevel: 'silent' };
  const processes = [await stage.start(settings), await stage.start(settings)];
  const isReady = async () => {
    const { consumers, bridges, leader } = await client.status();
    return consumers.length === processes.length * CONSUMERS && bridges.length === 2 && leader !== null;
  };
  await stage.until('the two processes to be ready', isReady, { timeout: READY_TIMEOUT, signal });
  if (signal.aborted) return undefined;
  const { consumers } = await client.status();
  const pid = await leadingProcess(stage);
  const ids = consumers.map(({ id }) => id);
  const doomed = consumers.filter((consumer) => consumer.pid === pid).map(({ id }) => id);
  audience?.groupStarted(processes, pid, ids);

  audience?.publishing(MESSAGES, RATE);
  const ledger = join(stage.folder, 'ledger.txt');
  const half = new AbortController();
  const publishing = publish({
    redis: redis.url,
    channel: client.settings.channel,
    plan: { count: MESSAGES, rate: RATE, duration: undefined, batch: RATE / 50 },
    ledger,
    signal,
    onProgress: (published) => {
      if (published >= MESSAGES / 2) half.abort();
    },
  });
  const killing = killHalfWay(stage, audience, { pid, doomed, half: half.signal, signal });
  const [{ published }, killed] = await Promise.all([publishing, killing]);
  if (!killed || signal.aborted) return undefined;

  const isDrained = async () => (await client.inspector.read()).backlog === 0;
  await stage.until('the backlog to be processed', isDrained, { timeout: DRAIN_TIMEOUT, signal });
  audience?.drained();
  const { processed, dead, lost, doubled, ok } = await client.verify({ ledgers: [ledger] });
  const seconds = (performance.now() - started) / 1_000;
  return { redis: version, processes, published, killed, processed, dead, lost, doubled, ok, seconds };
}

interface Killing {
  readonly pid: number;
  readonly doomed: readonly string[];
  readonly half: AbortSignal;
  readonly signal: AbortSignal;
}

async function killHalfWay(
  stage: Stage,
  audience: Audience | undefined,
  { pid, doomed, half, signal }: Killing,
): Promise<DemoResult['killed'] | undefined> {
  const { client } = stage;
  const heldBy = async (ids: readonly string[]) => {
    const { pendingOf } = await client.inspector.read();
    return ids.reduce((sum, id) => sum + (pendingOf.get(id) ?? 0), 0);
  };
  await new Promise<void>((resolve) => {
    for (const one of [half, signal]) one.addEventListener('abort', () => resolve(), { once: true });
  });
  if (signal.aborted) return undefined;

  const led = (await leadingProcess(stage)) === pid;
  stage.kill(pid);
  const { counters } = await client.status();
  const held = await heldBy(doomed);
  audience?.killed(pid, held);

  const waiting = { timeout: RECOVERY_TIMEOUT, signal };
  const relays = async () => (await client.inspector.read()).counters.relayed > counters.relayed;
  const isGone = async () => {
    const { consumers } = await client.status();
    return consumers.every(({ id }) => !doomed.includes(id));
  };
  const [relayingAgainMs, idsGoneMs, takenOverMs] = await Promise.all([
    stage.until('another process to relay', relays, waiting),
    stage.until('the ids of the killed process to leave the list', isGone, waiting),
    stage.until(
      'the messages of the killed process to be taken over',
      async () => (await heldBy(doomed)) === 0,
      waiting,
    ),
  ]);
  if (signal.aborted) return undefined;
  const killed = { pid, led, consumers: doomed, held, relayingAgainMs, idsGoneMs, takenOverMs };
  const ids = (await client.status()).consumers.map(({ id }) => id);
  audience?.recovered(killed, await leadingProcess(stage), ids);
  return killed;
}

/** The pid of the process whose bridge leads: the ids of its consumers begin with the bridge's id. */
async function leadingProcess({ client }: Stage): Promise<number> {
  const { leader, consumers } = await client.status();
  return consumers.find(({ id }) => leader !== null && id.startsWith(`${leader}-`))?.pid ?? 0;
}
