import { Agent, get } from 'node:http';

/**
 * A process of its own that watches a group like many browsers and a Prometheus, as cheaply as Node can: event streams on
 * connections of their own, unparsed, and a scrape each second over a connection that stays open.
 *
 * Says `{ ready }` when all streams are open. At `{ end }` it says `{ seen }`: the scrapes answered since, and the events of
 * the stream with the fewest.
 */
const { url, streams } = JSON.parse(process.argv[2]);
const SCRAPE_MS = 1_000;

const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const events = new Array(streams).fill(0);
let scrapes = 0;
process.on('disconnect', () => process.exit(1));

await Promise.all(events.map((_, i) => open(i)));
setInterval(scrape, SCRAPE_MS);
process.send({ ready: true });
process.once('message', () => {
  process.send({ seen: { scrapes, events: Math.min(...events) } }, () => process.exit(0));
});

function open(i) {
  return new Promise((resolve) => {
    get(`${url}api/events`, { agent: false }, (response) => {
      check(response);
      // Each event is a write of its own, and so a chunk.
      response.on('data', () => events[i]++);
      response.on('end', () => {
        throw new Error('an event stream was ended');
      });
      resolve();
    });
  });
}

function scrape() {
  get(`${url}metrics`, { agent }, (response) => {
    check(response);
    response.resume();
    response.on('end', () => scrapes++);
  });
}

function check({ statusCode }) {
  if (statusCode !== 200) throw new Error(`the group answered ${statusCode}`);
}
