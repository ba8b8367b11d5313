import { createServer } from 'node:net';
import { Random } from './random.js';

/** Below the range of outgoing connections: there a client could connect to itself while the server is away. */
const PORTS = { from: 22_100, to: 31_900 };

let taken = 0;

/** A port on which nothing listens, for a server that comes back on it. */
export async function freePort() {
  const random = new Random(process.pid, Date.now(), taken++);
  for (;;) {
    const port = random.between(PORTS.from, PORTS.to);
    const server = createServer();
    const free = await new Promise((done) => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => done(true));
    });
    if (!free) continue;
    await new Promise((done) => server.close(done));
    return port;
  }
}
