import { vi } from 'vitest';
import { Random } from '../random.js';
import { LaneModel } from './lane.js';
import { Node } from './node.js';
import { type MovingParts, MovingProcess } from './process.js';

/** ms: how far clocks, links and sockets may blur the times of a gap. */
const BLUR = 500;
const CALM = 6_000;
const END = 12_000;

export const REAL_PARTS: MovingParts = {
  isPlain: false,
  isBound: true,
  pauseAfterMove: 1_000,
  hasHome: true,
  hasLimit: true,
  isSharded: false,
  knowsLast: true,
  saysServer: true,
  lanes: 0,
  tellsLanes: true,
};

interface Publication {
  readonly at: number;
  readonly node: string;
}

/**
 * Runs two bridges on a Cluster of three nodes, of which another one becomes the owner of the group's slot, and returns what went
 * wrong. Timers and clocks must be fake.
 */
export async function simulateMove(seed: number, parts: MovingParts = REAL_PARTS): Promise<string[]> {
  const random = new Random(seed);
  vi.setSystemTime(1_000_000_000);
  const start = Date.now();
  const nodes = ['a', 'b', 'c'].map((name) => new Node(name, random, !parts.saysServer));
  const [a, b, c] = nodes as [Node, Node, Node];
  for (const node of nodes) node.join(nodes);
  for (const node of nodes) node.skew = random.whole(-100, 100);
  let owner = a;
  a.owns = true;
  const lanes = Array.from({ length: parts.lanes }, () => new LaneModel(random));
  const processes = [1, 2].map((n) => new MovingProcess(`p${n}`, () => owner, parts, random, lanes));
  for (const process of processes) void process.bridge.start();

  const published: Publication[] = [];
  const publish = () => {
    if (Date.now() - start > CALM) return;
    const node = nodes[random.whole(0, 2)] as Node;
    node.when(() => {
      published.push({ at: Date.now(), node: node.id });
      node.publish(published.length - 1);
    });
    setTimeout(publish, random.whole(1, 12));
  };
  setTimeout(publish, 500);

  /** `to` is the owner from now on, with the state of `from` as it was so many changes ago. */
  const move = (from: Node, to: Node, ago: number) => {
    to.copy(from, ago);
    owner = to;
    to.owns = true;
    for (const process of processes) {
      setTimeout(() => process.asks(), random.whole(0, 1_000));
      if (random.chance(0.3)) setTimeout(() => cutOff(process, from), random.whole(0, 1_500));
    }
  };
  const cutOff = (process: MovingProcess, node: Node) => {
    for (const subscriber of process.subscribers) if (subscriber.server === node.id) subscriber.cut();
  };
  const fail = (from: Node, to: Node) => {
    switch (random.whole(0, 4)) {
      case 0: // a slot moves
      case 1:
        move(from, to, 0);
        from.owns = false;
        return;
      case 2: // a fail-over: the old master lives, and learns of it at once
        move(from, to, random.whole(0, 40));
        from.owns = false;
        return;
      case 3: {
        // a split: the old master is the owner to those who reach it
        for (const other of nodes) if (other !== from) from.cut(other, true);
        const ago = random.whole(0, 20);
        setTimeout(() => move(from, to, ago), random.whole(100, 600));
        setTimeout(
          () => {
            from.owns = false;
            for (const other of nodes) if (other !== from) from.cut(other, false);
          },
          random.whole(600, 2_000),
        );
        return;
      }
      default: // it is stopped, and goes on
        from.stop();
        setTimeout(
          () => {
            move(from, to, random.whole(0, 20));
            setTimeout(
              () => {
                from.owns = false;
                from.goOn();
              },
              random.whole(0, 1_500),
            );
          },
          random.whole(100, 1_000),
        );
    }
  };
  setTimeout(() => fail(a, b), random.whole(1_500, 2_500));
  if (random.chance(0.5))
    setTimeout(() => fail(owner, owner === b ? (random.chance(0.5) ? a : c) : b), 4_700);

  await vi.advanceTimersByTimeAsync(END);
  const wrong = check(owner, published, start, lanes.length > 0 ? lanes : [owner]);
  if (!processes.some(({ bridge }) => bridge.leads)) wrong.push('no bridge leads');
  return [...wrong, ...(await end(processes))];
}

/** Stops all bridges. Returns what is wrong with them. */
async function end(processes: readonly MovingProcess[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const { bridge } of processes) {
    if (bridge.buffered > 0) wrong.push(`${bridge.buffered} messages are left`);
    void bridge.stop();
  }
  await vi.advanceTimersByTimeAsync(2_000);
  vi.clearAllTimers();
  return wrong;
}

function check(
  owner: Node,
  published: readonly Publication[],
  start: number,
  inboxes: readonly { readonly inbox: readonly number[] }[] = [owner],
): string[] {
  const wrong: string[] = [];
  const seen = new Set<number>();
  for (const { inbox } of inboxes) {
    const last = new Map<string, number>();
    for (const message of inbox) {
      const { node } = published[message] as Publication;
      if (seen.has(message)) wrong.push(`message ${message} is in the inbox twice`);
      else if (message < (last.get(node) ?? -1)) wrong.push(`message ${message} is out of order`);
      else last.set(node, message);
      seen.add(message);
    }
  }
  const lost = published.flatMap(({ at }, message) => {
    if (seen.has(message) || at < start + 1_000) return [];
    const told = owner.gaps.some(({ times }) => times.from - BLUR <= at && at <= times.to + BLUR);
    return told ? [] : [message];
  });
  if (lost.length > 0) wrong.push(`${lost.length} messages are lost, the first is ${lost[0]}`);
  return wrong;
}

/**
 * Runs three bridges, which are cut off by turns, on a Cluster whose group is at one node, and its sharded channel at another one,
 * which moves. Returns what went wrong.
 */
export async function simulateSharded(seed: number, parts: Partial<MovingParts> = {}): Promise<string[]> {
  const random = new Random(seed);
  vi.setSystemTime(1_000_000_000);
  const start = Date.now();
  const [group, a, b] = ['a', 'b', 'c'].map((name) => new Node(name, random, false)) as [Node, Node, Node];
  group.owns = true;
  a.owns = true;
  let channel = a;
  const all = { ...REAL_PARTS, isSharded: true, ...parts };
  const startOne = (id: string) => {
    const process = new MovingProcess(id, () => group, all, random);
    process.channelView = channel;
    process.channelOwner = () => channel;
    void process.bridge.start();
    return process;
  };
  const processes = ['p1', 'p2', 'p3'].map(startOne);

  const published: Publication[] = [];
  const publish = () => {
    if (Date.now() - start > CALM) return;
    published.push({ at: Date.now(), node: channel.id });
    channel.saysHere(published.length - 1);
    setTimeout(publish, random.whole(1, 12));
  };
  setTimeout(publish, 500);

  // A bridge is cut off, and subscribes anew while the other one's marks are on their way.
  const cut = () => {
    if (Date.now() - start > CALM) return;
    const process = processes[random.whole(0, 2)] as MovingProcess;
    for (const subscriber of process.subscribers) subscriber.cut();
    setTimeout(cut, random.whole(300, 900));
  };
  setTimeout(cut, 1_500);
  if (random.chance(0.5))
    setTimeout(
      () => {
        const from = channel;
        channel = b;
        b.owns = true;
        // The node before knows it a little later, and ends the subscriptions.
        setTimeout(
          () => {
            from.owns = false;
            for (const { subscribers } of processes)
              for (const subscriber of subscribers) if (subscriber.server === from.id) subscriber.cut();
          },
          random.whole(0, 50),
        );
        for (const process of processes)
          setTimeout(
            () => {
              process.channelView = b;
            },
            random.whole(0, 800),
          );
      },
      random.whole(2_500, 4_000),
    );
  await vi.advanceTimersByTimeAsync(END);
  const wrong = check(group, published, start);
  return [...wrong, ...(await end(processes))];
}
