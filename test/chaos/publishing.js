import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HERE } from './hosts.js';
import { messageId } from './messages.js';

const PROGRAM = fileURLToPath(new URL('publisher.js', import.meta.url));

/** The process of the publisher, as the test controls it. */
export class Publishing {
  #child;
  #run;
  #path;

  /**
   * @param {{ port: number, address?: string, run: string, rate: number, first?: number, dir: string, leash: import('./leash.js').Leash, host?: import('./hosts.js').Host }} options
   *   `address`, `port`: of the Redis; `first`: the number of the first message; `host`: where it runs
   */
  constructor({ port, address = HERE.address, run, rate, first = 0, dir, leash, host = HERE }) {
    this.#run = run;
    this.#path = join(dir, `ledger-${first}`);
    const options = JSON.stringify({ port, address, run, rate, first, ledger: this.#path });
    const [execPath, ...execArgv] = host.on([process.execPath]);
    this.#child = leash.hold(fork(PROGRAM, [options], { execPath, execArgv }));
  }

  setRate(rate) {
    this.#child.send({ rate });
  }

  /** Publishes so many messages of a kind, one every 10 ms, beside the usual ones. */
  send(kind, count) {
    this.#child.send({ send: kind, count });
  }

  /** Returns when every message has its reply, or none is expected. */
  async stop() {
    const exit = once(this.#child, 'exit');
    this.#child.send({ stop: true });
    const [code] = await exit;
    if (code !== 0) throw new Error(`the publisher ended with ${code}`);
  }

  /** Ends it at once, when its ledger is not needed any more. */
  kill() {
    this.#child.kill('SIGKILL');
  }

  /** @returns {import('./checker/types.js').Published[]} in the order in which they were sent */
  ledger() {
    const lines = readFileSync(this.#path, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => this.#entry(line.split(' '))).sort((a, b) => a.n - b.n);
  }

  #entry([n, kind, receivers, sentAt, before, after, hash]) {
    const known = (text) => (text === '?' ? undefined : Number(text));
    return {
      n: Number(n),
      id: messageId(this.#run, Number(n)),
      kind,
      receivers: known(receivers),
      sentAt: Number(sentAt),
      redisBefore: known(before),
      redisAfter: known(after),
      hash,
    };
  }
}
