import { fileURLToPath } from 'node:url';
import { pythonWith } from '../../../config/packages.mjs';
import { launchGroup, launchServing } from '../contenders/index.js';
import { Team } from '../stage/team.js';

const SERVICE = new URL('service.js', import.meta.url);
const [NOOP, PROGRAM, CLIENT] = ['noop.mjs', 'noop.py', 'remote.py'].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
);
const WORKERS = 2;
/** Messages at a time: a processor that takes microseconds gets many in one write. */
const AT_ONCE = 500;
/** The python3 that has the module websockets, if there is one. */
const PYTHON = pythonWith('websockets');

/**
 * The kinds of processors, with the same work and with settings that a user would choose. `launch` starts a group and its
 * workers, and returns them when they receive messages.
 *
 * @type {Record<string, (stage: import('../stage/stage.js').Stage) => Promise<Team>>}
 */
export const KINDS = {
  module: async (stage) => new Team(await launchGroup(stage, ['--size', 4, '--processor', NOOP])),

  remote: (stage) =>
    launchRemote(stage, WORKERS, (url) =>
      stage.worker(['--connect', url, '--processor', NOOP, '--concurrency', AT_ONCE]),
    ),

  exec: async (stage) => {
    const args = ['--size', 2, '--concurrency', AT_ONCE, '--processor', `exec:python3 ${PROGRAM}`];
    return new Team(await launchGroup(stage, args));
  },

  http: async (stage) => {
    const service = stage.spawn(SERVICE);
    const { url } = await service.message('url');
    const args = ['--size', 4, '--concurrency', 16, '--processor', url];
    return new Team(await launchGroup(stage, args), [service]);
  },

  ...(PYTHON && {
    python: (stage) => launchRemote(stage, 1, (url) => stage.run(PYTHON, [CLIENT, url, AT_ONCE])),
  }),
};

/** A group, and so many workers that `start` connects to it. */
async function launchRemote(stage, count, start) {
  const { child, url } = await launchServing(stage, ['--processor', 'remote']);
  const workers = Array.from({ length: count }, () => start(`${url.replace('http:', 'ws:')}workers`));
  await stage.untilReaches(count, () => stage.consumers(), 'workers');
  return new Team(child, workers);
}
