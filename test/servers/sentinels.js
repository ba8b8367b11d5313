import { until } from '../chaos/until.js';
import { Servers } from './servers.js';

/** How long the servers may take to agree, in ms. The machine may be busy. */
const AGREE_MS = 30_000;

const GROUP = 'mymaster';

/** A master with replicas and Sentinels, real processes. sentinels.d.ts explains its methods. */
export class Sentinels extends Servers {
  sentinels = [];
  servers = [];
  #tls;
  #sentinelPassword;

  static async start({ replicas = 2, sentinels = 3, hosts = [], ...options } = {}) {
    const started = new Sentinels();
    const { password, sentinelPassword, tls, args = [] } = options;
    started.#tls = tls;
    started.#sentinelPassword = sentinelPassword;
    const auth = password ? ['--masterauth', password] : [];
    const host = (i) => hosts[i % hosts.length];
    const server = (i) => ({ name: `server-${i}`, host: host(i), password, tls, args: [...auth, ...args] });
    const [master] = await started.launch(server(0));
    const rest = await started.launch(...Array.from({ length: replicas }, (_, i) => server(i + 1)));
    started.servers = [master, ...rest];
    await started.orClose(() => inStep(master, rest));
    const quorum = Math.floor(sentinels / 2) + 1;
    const file = fileOf(master, quorum, options);
    started.sentinels = await started.launch(
      ...Array.from({ length: sentinels }, (_, i) => ({
        name: `sentinel-${i}`,
        host: host(i),
        sentinel: file,
        password: sentinelPassword,
        tls,
      })),
    );
    await started.orClose(() => started.#hurry());
    await started.orClose(() => started.settled());
    return started;
  }

  get url() {
    const scheme = this.#tls ? 'rediss-sentinel' : 'redis-sentinel';
    const password = this.#sentinelPassword ? `:${this.#sentinelPassword}@` : '';
    return `${scheme}://${password}${this.sentinels.map(({ address }) => address).join(',')}/0#${GROUP}`;
  }

  async master() {
    const names = await this.#ask((sentinel) => sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', GROUP));
    // While they do not agree, the one that most of them name.
    const addresses = names.map(([host, port]) => `${host}:${port}`);
    const count = (address) => addresses.filter((other) => other === address).length;
    const [address] = addresses.toSorted((a, b) => count(b) - count(a));
    const master = this.servers.find((node) => node.address === address);
    if (!master)
      throw new Error(`the Sentinels name a server that is none of ours: ${JSON.stringify(names)}`);
    return master;
  }

  async replicas() {
    const master = await this.master();
    return this.servers.filter((node) => node !== master && node.isRunning);
  }

  async masterOtherThan(old) {
    const isMaster = async () => {
      const master = await this.master();
      return master !== old && /role:master/.test(await master.call('INFO', 'replication')) && master;
    };
    return until(isMaster, { what: 'another master', timeout: AGREE_MS, every: 50 });
  }

  async failover() {
    const old = await this.master();
    const sentinel = this.#running()[0];
    // Refused while the last fail-over is under way, or while it knows no good replica.
    await until(async () => (await sentinel.call('SENTINEL', 'FAILOVER', GROUP)) === 'OK', {
      what: 'a Sentinel to take the command',
      timeout: AGREE_MS,
      every: 200,
    });
    return this.masterOtherThan(old);
  }

  killSentinel(i) {
    return this.sentinels[i].kill();
  }

  /** Every Sentinel sees all others and all servers, in order: only then can they fail over. */
  settled() {
    const running = this.#running();
    const replicas = this.servers.filter((node) => node.isRunning).length - 1;
    return until(
      async () => {
        const master = await this.master();
        const views = await this.#ask((sentinel) => sentinel.call('SENTINEL', 'MASTER', GROUP));
        return views.every((view) => {
          const of = (field) => view[view.indexOf(field) + 1];
          const isSeen = of('flags') === 'master' && `${of('ip')}:${of('port')}` === master.address;
          return (
            isSeen &&
            Number(of('num-slaves')) >= replicas &&
            Number(of('num-other-sentinels')) >= running.length - 1
          );
        });
      },
      { what: 'the Sentinels to know the master, its replicas and each other', timeout: AGREE_MS, every: 50 },
    );
  }

  /**
   * By default they look every 10 s who is a replica of whom, and wait for four greetings, one every 2 s, before they make a
   * replica of an old master. Only Redis 7 and newer can be told, and other versions are slower. How fast they see a dead
   * master, and replace it, is not changed.
   */
  async #hurry() {
    const periods = ['INFO-PERIOD', 1_000, 'PUBLISH-PERIOD', 500];
    await this.#ask((sentinel) => sentinel.call('SENTINEL', 'DEBUG', ...periods).catch(() => {}));
  }

  #running() {
    const running = this.sentinels.filter(({ isRunning }) => isRunning);
    if (running.length === 0) throw new Error('no Sentinel is running');
    return running;
  }

  #ask(question) {
    return Promise.all(this.#running().map(question));
  }
}

async function inStep(master, replicas) {
  await Promise.all(
    replicas.map(async (node) => {
      await node.call('REPLICAOF', master.host.address, master.port);
      await until(async () => /master_link_status:up/.test(await node.call('INFO', 'replication')), {
        what: `${node.address} to be in step with its master`,
        timeout: AGREE_MS,
      });
    }),
  );
}

/** The lines of a Sentinel's file. */
function fileOf(master, quorum, { password, sentinelPassword, downAfter = 1_000, failoverTimeout = 5_000 }) {
  return [
    `sentinel monitor ${GROUP} ${master.host.address} ${master.port} ${quorum}`,
    `sentinel down-after-milliseconds ${GROUP} ${downAfter}`,
    `sentinel failover-timeout ${GROUP} ${failoverTimeout}`,
    ...(password ? [`sentinel auth-pass ${GROUP} ${password}`] : []),
    ...(sentinelPassword ? [`sentinel sentinel-pass ${sentinelPassword}`] : []),
  ];
}
