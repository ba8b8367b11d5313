import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { OUTPUT } from '../keys.js';
import { until } from '../until.js';
import { prove, proveSoon, RELAYS_AGAIN } from './fault.js';

const family = 'network';
const MEGABYTE = 1_000_000;
/** Longer than the product waits for a reply (5 s). */
const PAST_REPLY = 6_500;

/** @type {import('./fault.js').Fault[]} */
export const network = [
  {
    name: 'reply-lost',
    family,
    line: 'Redis’s replies to the leader’s process are swallowed for 0.7 s, then its connections are cut',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    proxies: true,
    async strike({ group }) {
      const { proxy } = await group.leader();
      proxy.modes.replies = 'drop';
      await sleep(700);
      const { dropped } = proxy.counts;
      prove(dropped > 0, 'a reply swallowed');
      proxy.heal();
      const cut = proxy.cut();
      return { proof: `${dropped} bytes of replies swallowed, ${cut} connections cut` };
    },
  },
  halfOpen('requests', 'nothing that the leader’s process sends reaches Redis'),
  halfOpen('replies', 'nothing that Redis sends reaches the leader’s process'),
  {
    name: 'delay',
    family,
    line: 'everything between the group and Redis takes 100 ms longer, each way, for 5 s',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    proxies: true,
    async strike({ proxies }) {
      for (const proxy of proxies) proxy.delay = 100;
      const ms = await roundTrip(proxies[0]);
      prove(ms >= 190, 'a PING of 190 ms'); // timers may be a little early
      await sleep(5_000);
      for (const proxy of proxies) proxy.heal();
      return { proof: `PING took ${ms} ms` };
    },
  },
  {
    name: 'one-byte-slices',
    family,
    line: 'everything between the group and Redis comes byte by byte (256 of each chunk) for 4 s, at 500 messages/s',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    needs: { rate: 500 },
    proxies: true,
    async strike({ proxies }) {
      for (const proxy of proxies) proxy.slicing = true;
      await sleep(4_000);
      const sliced = proxies.reduce((sum, { counts }) => sum + counts.sliced, 0);
      prove(sliced > 0, 'a slice');
      for (const proxy of proxies) proxy.heal();
      return { proof: `${sliced} slices` };
    },
  },
  {
    name: 'slow-link',
    family,
    line: 'each process reaches Redis over a link of 0.3 to 4 MB/s each way for 3 s, at 1,000 messages/s',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    needs: { rate: 1_000 },
    proxies: true,
    async strike({ proxies }, random) {
      const proof = await slowLink(proxies, random.between(3, 40) * 100_000);
      await sleep(3_000);
      for (const proxy of proxies) proxy.heal();
      return { proof };
    },
  },
  {
    name: 'huge-payloads',
    family,
    line: 'messages of 1, 3 and 8 MB at once, over links of 4 MB/s, with a lease of 5 s, until they are processed',
    cuts: 'none',
    outage: { of: 'processed', within: 1_500, after: 'heal' },
    // A beat waits behind the relay of 8 MB, which takes 2 s: with a shorter lease the other bridge takes the lead.
    needs: { rate: 500, args: ['--lease', '5s'] },
    proxies: true,
    async strike(stage) {
      const { proxies, publishing } = stage;
      const big = bigResults(stage.admin);
      const proof = await slowLink(proxies, 4 * MEGABYTE);
      for (const size of [3, 8, 1]) publishing.send(`big:${size * MEGABYTE}`, 1);
      await until(async () => (await big()) === 3, { what: 'the huge messages', timeout: 30_000 });
      for (const proxy of proxies) proxy.heal();
      stage.healed();
      return { proof: `${proof}; 12 MB published` };
    },
  },
  {
    name: 'cut-leader',
    family,
    line: 'all connections of the leader’s process are reset',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike(stage) {
      const leader = await stage.group.leader();
      return cut(stage, [leader.proxy]);
    },
  },
  {
    name: 'cut-all',
    family,
    line: 'all connections of all processes are reset',
    cuts: 'all',
    outage: RELAYS_AGAIN,
    strike: (stage) => cut(stage, stage.proxies),
  },
];

function halfOpen(direction, what) {
  return {
    name: `half-open-${direction}`,
    family,
    line: `${what}, for ${PAST_REPLY / 1_000} s, and nothing closes; then its connections are cut`,
    cuts: 'one',
    outage: RELAYS_AGAIN,
    proxies: true,
    async strike({ group }) {
      const leader = await group.leader();
      leader.proxy.modes[direction] = 'hold';
      const began = performance.now();
      const ms = await group.ledByAnother(leader);
      await sleep(PAST_REPLY - (performance.now() - began));
      prove(leader.proxy.counts.held > 0, 'bytes held');
      leader.proxy.heal();
      return { proof: `${leader.proxy.counts.held} bytes held, another led after ${ms} ms` };
    },
  };
}

/** Makes all links slow, and proves it for the first. */
async function slowLink(proxies, bytesPerSecond) {
  for (const proxy of proxies) proxy.throttle(bytesPerSecond);
  const ms = await roundTrip(proxies[0], bytesPerSecond / 4);
  prove(ms >= 450, 'a quarter of a second for each way'); // timers may be a little early
  return `${bytesPerSecond / MEGABYTE} MB/s: ${bytesPerSecond / 4} bytes took ${ms} ms there and back`;
}

/** Returns how many results of a megabyte or more came since the call before. */
function bigResults(redis) {
  let from = '(0-0';
  let count = 0;
  return async () => {
    const page = await redis.xrange(OUTPUT, from, '+');
    if (page.length > 0) from = `(${page.at(-1)[0]}`;
    count += page.filter(([, fields]) => fields.at(-1).length >= MEGABYTE).length;
    return count;
  };
}

async function cut({ admin }, proxies) {
  const before = idsIn(await admin.client('LIST'));
  const count = proxies.reduce((sum, proxy) => sum + proxy.cut(), 0);
  const gone = await proveSoon(async () => {
    const after = idsIn(await admin.client('LIST'));
    return before.filter((id) => !after.includes(id)).length;
  }, 'connections that are gone at Redis');
  return { proof: `${count} connections cut, ${gone} of them seen gone at Redis` };
}

/** Ids of the group's connections in a CLIENT LIST. */
function idsIn(list) {
  return [...list.matchAll(/^id=(\d+) .* name=cgroup:/gm)].map(([, id]) => id);
}

/** ms for a text of so many bytes, there and back. */
async function roundTrip(proxy, bytes = 0) {
  const text = 'p'.repeat(bytes);
  const redis = new Redis({ port: proxy.port, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  try {
    await redis.ping();
    const began = performance.now();
    await redis.echo(text);
    return Math.round(performance.now() - began);
  } finally {
    redis.disconnect();
  }
}
