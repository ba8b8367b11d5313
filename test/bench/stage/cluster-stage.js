import { fileURLToPath } from 'node:url';
import { Cluster } from '../../servers/cluster.js';
import { Child } from './child.js';

const BIN = fileURLToPath(new URL('../../../bin/cgroup.js', import.meta.url));

/** A Cluster of its own, three masters without replicas, and the processes that work on it. */
export class ClusterStage {
  /** The masters. @type {import('../../servers/redis-node.js').RedisNode[]} */
  nodes;
  /** @type {Cluster} */
  cluster;
  #children = [];

  static async use(work) {
    const stage = new ClusterStage();
    stage.cluster = await Cluster.start({ replicas: 0 });
    try {
      stage.nodes = await stage.cluster.masters();
      return await work(stage);
    } finally {
      for (const child of stage.#children) child.kill();
      await stage.cluster.close();
    }
  }

  /** Of the node where messages are published. */
  get port() {
    return this.nodes[0].port;
  }

  /** Starts a module of the benchmark as a process. It gets `options` as JSON, with the port of a node. */
  spawn(url, options) {
    return this.#hold(new Child([fileURLToPath(url), JSON.stringify({ port: this.port, ...options })]));
  }

  /** Starts `cgroup start`; resolves when it is ready. */
  async cgroup(args) {
    const env = { REDIS_URL: this.nodes[0].url };
    const child = this.#hold(new Child([BIN, 'start', '--log-format', 'json', ...args.map(String)], { env }));
    await child.when((line) => String(line).includes('"msg":"ready: ') || undefined, 'it was ready');
    return child;
  }

  #hold(child) {
    this.#children.push(child);
    return child;
  }
}
