import { fileURLToPath } from 'node:url';
import { FaultProxy } from './fault-proxy.js';
import { HERE } from './hosts.js';
import { Program } from './program.js';

export const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
export const PROCESSOR = fileURLToPath(new URL('processor.mjs', import.meta.url));
const SETTLED = new URL('settled-reports.mjs', import.meta.url).href;
export const MUTANT = new URL('mutant.mjs', import.meta.url).href;

/** One `cgroup start`, behind a proxy of its own if there is one Redis only. */
export class GroupProcess extends Program {
  /** Between it and Redis. @type {FaultProxy | undefined} */
  proxy;
  /** The file with what it reports as settled; undefined if it has a proxy. */
  settled;

  /**
   * @param {{ redisPort?: number, url: string, args: string[], log: string, leash: import('./leash.js').Leash, mutant?: string, host?: import('./hosts.js').Host }} options
   *   `redisPort`: of the Redis that it reaches through a proxy, in place of `url`; `log`: the file that gets its output; `host`:
   *   where it runs
   */
  static async start({ redisPort, ...options }) {
    return new GroupProcess(redisPort && (await FaultProxy.start(redisPort)), options);
  }

  constructor(proxy, { url: direct, args, log, leash, mutant, host = HERE }) {
    const url = proxy ? `redis://127.0.0.1:${proxy.port}` : direct;
    const settled = proxy ? undefined : `${log}.settled`;
    const start = [BIN, 'start', '--redis', url, '--processor', PROCESSOR, '--log-format', 'json', ...args];
    const wrapper = [...(mutant ? ['--import', MUTANT] : []), ...(settled ? ['--import', SETTLED] : [])];
    super(host.on([process.execPath, ...wrapper, ...start]), {
      log,
      leash,
      ready: '"ready:',
      env: { ...(mutant ? { CHAOS_MUTANT: mutant } : {}), ...(settled ? { CHAOS_SETTLED: settled } : {}) },
    });
    this.proxy = proxy;
    this.settled = settled;
    if (proxy) this.exited = this.exited.then(() => proxy.stop());
  }

  /** Whether the id of a consumer or a bridge belongs to this process: it contains the process id. */
  owns(id) {
    return id.includes(`-${this.pid}-`);
  }
}
