import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CgroupError } from '../../core/errors.js';
import { ownProgram } from '../../core/own-files.js';
import { pause } from '../../core/service.js';
import { GroupClient } from '../../observe/client.js';
import { type LocalServer, startLocalServer } from '../../observe/local-server.js';

/** ms between two checks of a condition. */
const CHECK_EVERY = 20;
/** ms for a process to end cleanly, before it is killed. */
const STOP_TIMEOUT = 3_000;

/** A private Redis, a folder, and `cgroup start` processes on them. */
export class Stage {
  readonly redis: LocalServer;
  readonly client: GroupClient;
  readonly folder: string;
  readonly #children = new Map<number, ChildProcess>();
  readonly #killAll = () => {
    for (const child of this.#children.values()) child.kill('SIGKILL');
  };

  private constructor(redis: LocalServer, client: GroupClient, folder: string) {
    this.redis = redis;
    this.client = client;
    this.folder = folder;
    // A second Ctrl-C ends this process at once: its children must end too.
    process.once('exit', this.#killAll);
  }

  /** @throws {CgroupError} REDIS_NOT_INSTALLED */
  static async open(): Promise<Stage> {
    const redis = await startLocalServer();
    const folder = await mkdtemp(join(tmpdir(), 'cgroup-demo-'));
    const client = await GroupClient.connect({ redis: redis.url });
    return new Stage(redis, client, folder);
  }

  /** Starts a process of the group and returns its pid. Settings come from a file, so that no other config file counts. */
  async start(settings: Record<string, unknown>): Promise<number> {
    const config = join(this.folder, 'consumer-group.config.json');
    await writeFile(config, JSON.stringify({ ...settings, redis: this.redis.url }));
    const ours = /^(REDIS_URL|CGROUP_.*)$/;
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
    const [program, ...args] = ownProgram();
    const child = spawn(program, [...args, 'start', '--config', config], { env, stdio: 'ignore' });
    const pid = child.pid ?? 0;
    this.#children.set(pid, child);
    child.once('exit', () => this.#children.delete(pid));
    return pid;
  }

  /** Kills a process with SIGKILL. */
  kill(pid: number): void {
    this.#children.get(pid)?.kill('SIGKILL');
  }

  /**
   * Waits for a condition.
   *
   * @param what the condition, for the error: `the processes to be ready`
   * @param timeout ms
   * @returns ms that it took, or ms until the signal was aborted
   * @throws {CgroupError} STATE after the timeout
   */
  async until(
    what: string,
    isMet: () => Promise<boolean>,
    { timeout, signal }: { timeout: number; signal: AbortSignal },
  ): Promise<number> {
    const started = performance.now();
    const elapsed = () => performance.now() - started;
    while (!signal.aborted && !(await isMet())) {
      if (elapsed() > timeout)
        throw new CgroupError(
          'STATE',
          `waited ${timeout / 1_000} s for ${what}, without success; try again with less load`,
        );
      await pause(CHECK_EVERY, signal);
    }
    return elapsed();
  }

  /** Ends all processes and removes the folder. */
  async close(): Promise<void> {
    const ended = [...this.#children.values()].map(
      (child) => new Promise((resolve) => child.once('exit', resolve)),
    );
    for (const child of this.#children.values()) child.kill('SIGTERM');
    const late = new AbortController();
    await Promise.race([Promise.all(ended), pause(STOP_TIMEOUT, late.signal)]);
    late.abort();
    this.#killAll();
    process.off('exit', this.#killAll);
    this.client.close();
    await this.redis.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
