import { createRequire } from 'node:module';

const HOST = new URL('host.js', import.meta.url);
/** Consumers of the group: as many as the tutorial's loop has. */
const SIZE = 4;
const READY = '"ready:';
const SERVES = /"http":"([^"]+)"/;

/**
 * All contenders. They do the same work: each message of the channel is in the output once, with a random property and
 * the id of the consumer. `launch` starts one on a stage and returns its process when it receives messages.
 *
 * @type {{ name: string, title: string, launch: (stage: import('../stage/stage.js').Stage) => Promise<import('../stage/child.js').Child> }[]}
 */
export const CONTENDERS = [
  {
    name: 'cgroup',
    title: `cgroup, ${SIZE} consumers`,
    launch: (stage) => launchGroup(stage, ['--size', SIZE]),
  },
  competitor('bullmq', `BullMQ ${versionOf('bullmq')}`),
  competitor('bee-queue', `Bee-Queue ${versionOf('bee-queue')}`),
  competitor('tutorial', `tutorial loop, ioredis ${versionOf('ioredis')}`),
];

/** The contenders of these names, or all if there are no names. */
export function contendersNamed(names) {
  return names === undefined ? CONTENDERS : CONTENDERS.filter(({ name }) => names.includes(name));
}

/** Starts `cgroup start` and waits until it is ready. */
export async function launchGroup(stage, args) {
  const child = stage.cgroup(args);
  await child.when(isReady, 'it was ready');
  return child;
}

/** As above, with `--http` on a free port: the process, and the URL that it serves. */
export async function launchServing(stage, args) {
  const child = stage.cgroup(['--http', 0, ...args]);
  const served = child.when((line) => SERVES.exec(String(line))?.[1], 'it served');
  await child.when(isReady, 'it was ready');
  return { child, url: await served };
}

/** True for the line that says that the group is ready; else undefined. */
function isReady(line) {
  return String(line).includes(READY) ? true : undefined;
}

function competitor(name, title) {
  const module = new URL(`${name}.js`, import.meta.url).href;
  const launch = async (stage) => {
    const child = stage.spawn(HOST, { module });
    await child.message('ready');
    return child;
  };
  return { name, title, launch };
}

/** The version of a package that is installed for the benchmark. */
export function versionOf(name) {
  return createRequire(import.meta.url)(`${name}/package.json`).version;
}
