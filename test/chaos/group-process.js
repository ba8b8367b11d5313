import { fileURLToPath } from 'node:url';
import { FaultProxy } from './fault-proxy.js';
import { Program } from './program.js';

export const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
export const PROCESSOR = fileURLToPath(new URL('processor.mjs', import.meta.url));
export const MUTANT = new URL('mutant.mjs', import.meta.url).href;

/** One `cgroup start`, behind a proxy of its own. */
export class GroupProcess extends Program {
  /** Between it and Redis. @type {FaultProxy} */
  proxy;

  /**
   * @param {{ redisPort: number, args: string[], log: string, leash: import('./leash.js').Leash, mutant?: string }} options
   *   `log`: the file that gets its output
   */
  static async start({ redisPort, ...options }) {
    return new GroupProcess(await FaultProxy.start(redisPort), options);
  }

  constructor(proxy, { args, log, leash, mutant }) {
    const url = `redis://127.0.0.1:${proxy.port}`;
    const start = [BIN, 'start', '--redis', url, '--processor', PROCESSOR, '--log-format', 'json', ...args];
    const wrapper = mutant ? ['--import', MUTANT] : [];
    super([process.execPath, ...wrapper, ...start], {
      log,
      leash,
      ready: '"ready:',
      env: mutant ? { CHAOS_MUTANT: mutant } : {},
    });
    this.proxy = proxy;
    this.exited = this.exited.then(() => proxy.stop());
  }

  /** Whether the id of a consumer or a bridge belongs to this process: it contains the process id. */
  owns(id) {
    return id.includes(`-${this.pid}-`);
  }
}
