import { join } from 'node:path';
import { FaultProxy } from '../fault-proxy.js';
import { freePort } from '../free-port.js';
import { BIN, PROCESSOR } from '../group-process.js';
import { HERE, Hosts } from '../hosts.js';
import { CONSUMER_IDS } from '../keys.js';
import { Program } from '../program.js';
import { Supervisor } from '../supervisor.js';
import { until } from '../until.js';

const RAW_WORKER = new URL('raw-worker.mjs', import.meta.url).pathname;
const TOKEN = 'chaos-token-of-the-workers';
/** `cgroup worker`, `cgroup worker`, and one that knows only the protocol. */
const WORKERS = 3;
const CONCURRENCY = 50;
/** ms: a worker tries again every 5 s at most, and a handshake may go to a process that is stopped. */
const CONNECTED_MS = 15_000;

/** The remote workers of a group. Each is connected to all its processes. */
export class Fleet extends Supervisor {
  /** Consumers of each process. */
  consumers = WORKERS;
  /** Between workers and processes, one for each process; none if workers are on other hosts. @type {FaultProxy[]} */
  proxies = [];
  /** @type {Hosts | undefined} */
  hosts;
  #ports;
  #urls;

  /**
   * @param {{ dir: string, leash: import('../leash.js').Leash, bridges: number }} tools
   * @param {'hosts' | 'proxies'} between whether the workers are on other hosts, or behind proxies
   */
  static async start({ dir, leash, bridges }, between) {
    const fleet = new Fleet((slot, count) => fleet.#launch(slot, join(dir, `worker-${count}.log`), leash));
    fleet.#ports = await Promise.all(Array.from({ length: bridges }, freePort));
    if (between === 'hosts') fleet.hosts = Hosts.open(WORKERS, leash);
    else fleet.proxies = await Promise.all(fleet.#ports.map((port) => FaultProxy.start(port)));
    const ports = between === 'hosts' ? fleet.#ports : fleet.proxies.map(({ port }) => port);
    fleet.#urls = ports.map((port) => `ws://${fleet.#address}:${port}/workers`).join(',');
    return fleet;
  }

  /** The arguments of a process of the group. */
  argsOf(slot) {
    const http = ['--http', `${this.#address}:${this.#ports[slot]}`, '--http-token', TOKEN];
    return ['--processor', 'remote', ...http];
  }

  /** Starts the workers, once the processes run. */
  async join() {
    await this.add(WORKERS);
  }

  /** Waits until each process has all workers as consumers. */
  connected({ admin, bridges }) {
    return until(async () => (await admin.llen(CONSUMER_IDS)) === bridges * WORKERS, {
      what: `${WORKERS} workers at each process`,
      timeout: CONNECTED_MS,
    });
  }

  async stop() {
    await super.stop();
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
    this.hosts?.close();
  }

  get #address() {
    return (this.hosts ?? HERE).address;
  }

  async #launch(slot, log, leash) {
    const name = `w${slot + 1}`;
    const raw = [RAW_WORKER, name, CONCURRENCY, this.#urls];
    const ours = [BIN, 'worker', '--connect', this.#urls, '--processor', PROCESSOR, '--name', name];
    const command = slot === WORKERS - 1 ? raw : [...ours, '--concurrency', CONCURRENCY];
    const here = [process.execPath, ...command.map(String)];
    const one = new Program(this.hosts?.on(slot, here) ?? here, {
      log,
      leash,
      ready: 'connected to ',
      env: { CGROUP_HTTP_TOKEN: TOKEN },
    });
    return Object.assign(one, { owns: (id) => id.includes(`-${name}-`) });
  }
}
