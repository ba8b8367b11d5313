import { execFileSync } from 'node:child_process';
import { has } from './programs.js';

/** Addresses for benchmarks (RFC 2544): no real network has them. */
const NETWORK = '198.18';

/** Rules of the router, the first that fits counts: who still reaches whom, then who is cut off from all others. */
const [AMONG, CUT] = [5, 10];

/** Whether this machine can have hosts. @type {{ why: string | undefined } | undefined} */
let tried;

/** This machine itself, for what would run on another host. @typedef {{ address: string, on(command: string[]): string[] }} Host */
export const HERE = { address: '127.0.0.1', on: (command) => command };

/**
 * Other hosts: network namespaces, each with an address of its own. A router, which is one more, joins them with each other and with
 * this machine, and can split them: what goes over a cut is dropped, without an error. Only root on Linux may make them.
 * Elsewhere all programs run on this host, and {@link Hosts.why} says why.
 */
export class Hosts {
  /** Why there are none; undefined if there are. */
  why;
  /** All of them, without this machine. @type {Host[]} */
  all = [];
  #router = `cg${process.pid}-r`;
  /** What was made, with the router. */
  #namespaces = [];
  #rules = [];
  #third = process.pid % 256;

  /** Why this machine cannot have hosts; undefined if it can. */
  static impossible() {
    tried ??= { why: missing() ?? refused() };
    return tried.why;
  }

  /**
   * @param {number} count
   * @param {import('./leash.js').Leash} leash removes them if this process dies
   */
  static open(count, leash) {
    const hosts = new Hosts();
    hosts.why = Hosts.impossible();
    if (hosts.why) return hosts;
    try {
      hosts.#addRouter(leash);
      for (let i = 0; i < count; i++) hosts.#add(leash);
    } catch (error) {
      hosts.close();
      hosts.why = reason(error);
    }
    return hosts;
  }

  /** An address of this machine that all hosts reach. */
  get address() {
    return this.why ? HERE.address : this.#address(0);
  }

  /** The command that runs a command on the i-th host. The process id stays that of the command. */
  on(i, command) {
    return (this.all[i] ?? HERE).on(command);
  }

  /** These hosts reach only each other from now on, and no other host reaches them. @param {Host[]} hosts */
  split(hosts) {
    const addresses = hosts.map(({ address }) => address);
    for (const one of addresses) {
      const others = addresses.filter((other) => other !== one);
      this.#rules.push(
        ...others.map((other) => `pref ${AMONG} from ${one} to ${other} lookup main`),
        `pref ${CUT} from ${one} blackhole`,
        `pref ${CUT} to ${one} blackhole`,
      );
    }
    this.#change('add', this.#rules);
  }

  /** Ends all splits. */
  join() {
    this.#change('del', this.#rules.splice(0));
  }

  /** What they are, for a proof. */
  toString() {
    return this.why
      ? `without other hosts (${this.why})`
      : `on ${this.all.length} other hosts (network namespaces)`;
  }

  /** Removes them. Their programs must have ended. */
  close() {
    for (const name of this.#namespaces.splice(0)) ip(`netns del ${name}`);
  }

  /** The router, with a link to this machine. */
  #addRouter(leash) {
    const router = this.#router;
    this.#addNamespace(router, leash);
    const forward = 'echo 1 > /proc/sys/net/ipv4/ip_forward';
    execFileSync('ip', ['netns', 'exec', router, '/bin/sh', '-c', forward], { stdio: 'pipe' });
    ip(`link add ${router} type veth peer name h0 netns ${router}`);
    ip(`addr add ${this.#address(0)}/30 dev ${router}`);
    ip(`link set ${router} up`);
    this.#raise(router, 'h0', this.#address(0, 'router'));
    ip(`route add ${NETWORK}.${this.#third}.0/24 via ${this.#address(0, 'router')}`);
  }

  #add(leash) {
    const i = this.all.length + 1;
    const [name, router] = [`cg${process.pid}-h${i}`, this.#router];
    this.#addNamespace(name, leash);
    ip(`-n ${router} link add h${i} type veth peer name w netns ${name}`);
    this.#raise(router, `h${i}`, this.#address(i, 'router'));
    this.#raise(name, 'w', this.#address(i));
    ip(`-n ${name} link set lo up`);
    ip(`-n ${name} route add default via ${this.#address(i, 'router')}`);
    this.all.push({
      address: this.#address(i),
      on: (command) => ['ip', 'netns', 'exec', name, ...command],
    });
  }

  #addNamespace(name, leash) {
    leash.undo(`ip netns del ${name}`);
    ip(`netns add ${name}`);
    this.#namespaces.push(name);
  }

  #raise(namespace, link, address) {
    ip(`-n ${namespace} addr add ${address}/30 dev ${link}`);
    ip(`-n ${namespace} link set ${link} up`);
  }

  /** The ends of the i-th link; the 0th leads to this machine. */
  #address(i, end = 'host') {
    return `${NETWORK}.${this.#third}.${4 * i + (end === 'router' ? 1 : 2)}`;
  }

  /** All at once: a split that takes its time is another fault. */
  #change(how, rules) {
    const input = rules.map((rule) => `rule ${how} ${rule}\n`).join('');
    execFileSync('ip', ['-n', this.#router, '-batch', '-'], { input, stdio: 'pipe' });
  }
}

function missing() {
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid() !== 0) return 'only root may make network namespaces';
  return has('ip') ? undefined : 'there is no ip on this machine (iproute2)';
}

/** Why the system does not let root make them, as in most containers. */
function refused() {
  const name = `cg${process.pid}-try`;
  try {
    ip(`netns add ${name}`);
  } catch (error) {
    return `no network namespaces: ${reason(error)}`;
  }
  try {
    ip(`-n ${name} rule add pref ${CUT} from ${NETWORK}.0.1 blackhole`);
    ip(`-n ${name} link add h0 type veth peer name h1`);
  } catch (error) {
    return `no router between network namespaces: ${reason(error)}`;
  } finally {
    ip(`netns del ${name}`);
  }
  return undefined;
}

function reason(error) {
  return String(error.stderr || error.message).trim();
}

function ip(command) {
  execFileSync('ip', command.split(' '), { stdio: 'pipe' });
}
