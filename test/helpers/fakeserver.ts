import { createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A server that is not Redis, on a free port; returns its address. It is closed when the test has ended. */
export async function fakeServer(answer: (request: string, socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}); // a client may close the connection at any time
    socket.on('close', () => sockets.delete(socket));
    socket.setEncoding('latin1').on('data', (text) => answer(String(text), socket));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address ? address.port : ''}`;
}

/** A server that answers INFO as a Redis of this version, and anything else with OK. */
export function redisOfVersion(version: string): Promise<string> {
  return fakeServer((request, socket) => {
    // Several commands may come at once: *1\r\n$4\r\nINFO\r\n
    for (const [, command] of request.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
      const info = `# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\nloading:0\r\n`;
      const isInfo = command?.toUpperCase() === 'INFO';
      socket.write(isInfo ? `$${info.length}\r\n${info}\r\n` : '+OK\r\n');
    }
  });
}
