import { until } from '../chaos/until.js';
import { Servers } from './servers.js';

const SLOTS = 16_384;

/** How many keys one MIGRATE moves. */
const KEYS_AT_ONCE = 100;

/** How long the nodes may take to agree, in ms. The machine may be busy. */
const AGREE_MS = 30_000;

/** A Cluster of real processes. cluster.d.ts explains its methods. */
export class Cluster extends Servers {
  #password;

  static async start({ masters = 3, replicas = 1, nodeTimeout = 1_000, hosts = [], ...rest } = {}) {
    const { password, tls, args = [] } = rest;
    const cluster = new Cluster();
    cluster.#password = password;
    const options = {
      password,
      tls,
      args: [
        ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf'],
        ['--cluster-node-timeout', String(nodeTimeout)],
        password ? ['--masterauth', password] : [],
        args,
      ].flat(),
    };
    const names = Array.from({ length: masters * (1 + replicas) }, (_, i) => `node-${i}`);
    await cluster.launch(...names.map((name, i) => ({ name, host: hosts[i % hosts.length], ...options })));
    await cluster.orClose(() => cluster.#join(masters));
    return cluster;
  }

  get urls() {
    return this.nodes.map(({ url }) => url);
  }

  async masters() {
    return (await this.#owners()).map(({ node }) => node);
  }

  async replicas(master) {
    const seen = await this.#seen();
    const id = master && (await master.call('CLUSTER', 'MYID'));
    return seen.filter((one) => !one.isMaster && (!id || one.masterId === id)).map(({ node }) => node);
  }

  async nodeOf(key) {
    return this.#ownerOf(await this.slotOf(key));
  }

  async slotOf(key) {
    return Number(await this.#any().call('CLUSTER', 'KEYSLOT', key));
  }

  async failover(replica, how) {
    await replica.call('CLUSTER', 'FAILOVER', ...(how ? [how] : []));
    await until(async () => (await this.masters()).includes(replica), {
      what: `${replica.address} to be a master`,
      timeout: AGREE_MS,
    });
    await this.settled();
  }

  async moveSlot(slot, to, { hold = async () => {} } = {}) {
    const from = await this.#ownerOf(slot);
    const [source, target] = [await from.call('CLUSTER', 'MYID'), await to.call('CLUSTER', 'MYID')];
    await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source);
    await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target);
    await hold('begun');
    const count = await from.call('CLUSTER', 'COUNTKEYSINSLOT', slot);
    await this.#moveKeys(slot, from, to, Math.ceil(count / 2));
    await hold('half');
    await this.#moveKeys(slot, from, to);
    await hold('moved');
    // The target first: if the source gave the slot away before, no node would own it for a moment.
    const others = (await this.masters()).filter((node) => node !== to && node !== from);
    for (const node of [to, from, ...others]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', target);
    await this.settled();
  }

  settled() {
    return until(
      async () => {
        const running = this.nodes.filter((node) => node.isRunning);
        const views = await Promise.all(running.map(viewOf));
        return views.every((view) => view.isOk && view.table === views[0].table);
      },
      { what: 'all nodes to have one view of the Cluster, and the state ok', timeout: AGREE_MS, every: 50 },
    );
  }

  /** Makes a Cluster of the nodes, as `redis-cli --cluster create` does. */
  async #join(count) {
    const { nodes } = this;
    const masters = nodes.slice(0, count);
    await Promise.all(
      masters.map(async (node, i) => {
        const [from, to] = [i, i + 1].map((n) => Math.round((n * SLOTS) / count));
        const slots = Array.from({ length: to - from }, (_, n) => from + n);
        await node.call('CLUSTER', 'ADDSLOTS', ...slots);
        // Without it, all have the same epoch, and the nodes first have to find new ones.
        await node.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
      }),
    );
    for (const { host, port } of nodes.slice(1)) await nodes[0].call('CLUSTER', 'MEET', host.address, port);
    await until(
      async () => {
        const lists = await Promise.all(nodes.map((node) => node.call('CLUSTER', 'NODES')));
        return lists.every((list) => !/handshake/.test(list) && linesOf(list).length === nodes.length);
      },
      { what: 'all nodes to know each other', timeout: AGREE_MS, every: 50 },
    );
    await Promise.all(
      nodes.slice(count).map(async (node, i) => {
        const master = await masters[i % count].call('CLUSTER', 'MYID');
        await node.call('CLUSTER', 'REPLICATE', master);
        await until(async () => /master_link_status:up/.test(await node.call('INFO', 'replication')), {
          what: `${node.address} to be in step with its master`,
          timeout: AGREE_MS,
        });
      }),
    );
    await this.settled();
  }

  async #moveKeys(slot, from, to, atMost = Number.POSITIVE_INFINITY) {
    const auth = this.#password ? ['AUTH', this.#password] : [];
    for (let moved = 0; moved < atMost; ) {
      const keys = await from.call('CLUSTER', 'GETKEYSINSLOT', slot, Math.min(atMost - moved, KEYS_AT_ONCE));
      if (keys.length === 0) return;
      const target = [to.host.address, to.port, '', 0, 5_000];
      await from.call('MIGRATE', ...target, ...auth, 'KEYS', ...keys);
      moved += keys.length;
    }
  }

  #any() {
    const node = this.nodes.find(({ isRunning }) => isRunning);
    if (!node) throw new Error('no node of the Cluster is running');
    return node;
  }

  async #ownerOf(slot) {
    const owner = await until(
      async () => (await this.#owners()).find(({ slots }) => slots.some(([a, b]) => a <= slot && slot <= b)),
      { what: `a running master of slot ${slot}`, timeout: AGREE_MS, every: 50 },
    );
    return owner.node;
  }

  /** The masters. One that was away may take itself for a master for a moment: the higher epoch tells. */
  async #owners() {
    const claims = (await this.#seen()).filter(({ isMaster, slots }) => isMaster && slots.length > 0);
    const covers = (claim, slot) => claim.slots.some(([a, b]) => a <= slot && slot <= b);
    return claims.filter(
      (one) => !claims.some((other) => other.epoch > one.epoch && covers(other, one.slots[0][0])),
    );
  }

  /** What each running node says of itself. */
  async #seen() {
    const running = this.nodes.filter((node) => node.isRunning);
    const seen = await Promise.all(
      running.map(async (node) => {
        const lines = linesOf(await node.call('CLUSTER', 'NODES').catch(() => ''));
        const own = lines.find(([, , flags]) => flags.includes('myself'));
        return own && { node, ...claimOf(own) };
      }),
    );
    return seen.filter((one) => one !== undefined);
  }
}

/** id, address, flags, master, ping, pong, epoch, link, slots … of each node that another one knows. */
function linesOf(list) {
  return list
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
}

function claimOf([id, , flags, masterId, , , epoch, , ...ranges]) {
  // `[slot->-node]` is a slot that moves: its source still has it in the list.
  const slots = ranges.filter((range) => !range.startsWith('[')).map((range) => range.split('-').map(Number));
  return {
    id,
    isMaster: flags.includes('master'),
    masterId,
    epoch: Number(epoch),
    slots: slots.map(([a, b = a]) => [a, b]),
  };
}

/** What a node says of the Cluster: whether it works, and who is what in it, nodes without a link aside. */
async function viewOf(node) {
  const [info, list] = [await node.call('CLUSTER', 'INFO'), await node.call('CLUSTER', 'NODES')];
  const known = linesOf(list).filter(([, , flags]) => !/fail|handshake|noaddr/.test(flags));
  const table = known.map((line) => {
    const { id, isMaster, masterId, slots } = claimOf(line);
    return `${id} ${isMaster ? JSON.stringify(slots) : masterId}`;
  });
  return { isOk: /cluster_state:ok/.test(info), table: table.sort().join('\n') };
}
