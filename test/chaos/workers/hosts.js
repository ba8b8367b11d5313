import { execFileSync } from 'node:child_process';
import { has } from '../programs.js';

/** Addresses for benchmarks (RFC 2544): no real network has them. */
const NETWORK = '198.18';

/**
 * Other hosts: network namespaces, each with an address of its own and a link to this machine. Only root on Linux may
 * make them. Elsewhere all programs run on this host, and {@link Hosts.why} says why.
 */
export class Hosts {
  /** Why there are none; undefined if there are. */
  why;
  #names = [];
  #third = process.pid % 256;

  /**
   * @param {number} count
   * @param {import('../leash.js').Leash} leash removes them if this process dies
   */
  static open(count, leash) {
    const hosts = new Hosts();
    hosts.why = missing();
    try {
      for (let i = 0; i < count && !hosts.why; i++) hosts.#add(i, leash);
    } catch (error) {
      hosts.close();
      hosts.why = String(error.stderr || error.message).trim();
    }
    return hosts;
  }

  /** An address of this machine that all hosts reach. */
  get address() {
    return this.why ? '127.0.0.1' : this.#address(0, 'here');
  }

  /** The command that runs a command on the i-th host. The process id stays that of the command. */
  on(i, command) {
    return this.why ? command : ['ip', 'netns', 'exec', this.#names[i], ...command];
  }

  /** What they are, for a proof. */
  toString() {
    return this.why
      ? `without other hosts (${this.why})`
      : `on ${this.#names.length} other hosts (network namespaces)`;
  }

  /** Removes them. Their programs must have ended. */
  close() {
    for (const name of this.#names.splice(0)) ip(`netns del ${name}`);
  }

  #add(i, leash) {
    const [name, near, far] = ['', 'h', 'w'].map((end) => `cg${process.pid}-${end}${i}`);
    leash.undo(`ip netns del ${name}`);
    ip(`netns add ${name}`);
    this.#names.push(name);
    ip(`link add ${near} type veth peer name ${far} netns ${name}`);
    ip(`addr add ${this.#address(i, 'here')}/30 dev ${near}`);
    ip(`link set ${near} up`);
    ip(`-n ${name} addr add ${this.#address(i, 'there')}/30 dev ${far}`);
    ip(`-n ${name} link set ${far} up`);
    ip(`-n ${name} link set lo up`);
    ip(`-n ${name} route add default via ${this.#address(i, 'here')}`);
  }

  /** The ends of the i-th link. */
  #address(i, end) {
    return `${NETWORK}.${this.#third}.${4 * i + (end === 'here' ? 1 : 2)}`;
  }
}

function missing() {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid() !== 0) return 'only root may make network namespaces';
  return has('ip') ? undefined : 'there is no ip on this machine';
}

function ip(command) {
  execFileSync('ip', command.split(' '), { stdio: 'pipe' });
}
