import { launchGroup } from '../contenders/index.js';
import { Child } from '../stage/child.js';
import { Stage } from '../stage/stage.js';

const SIZE = 4;
/** What people type first, and what they look at a group with. */
const COMMANDS = ['--version', '--help', 'start --help', 'status'];
/** What each of them is held against: Node with nothing to do, and Node with the one package that cgroup cannot do without. */
const BARE = { node: '0', ioredis: "require('ioredis')" };

/** From the start of a process to its end; for `cgroup start` until it is ready. */
export function startup({ rounds }, say) {
  return Stage.use(async (stage) => {
    const runs = [];
    for (let round = 1; round <= rounds; round++) {
      const run = { round };
      for (const [name, code] of Object.entries(BARE))
        run[`${name}Ms`] = await timeOf(() => endOf(new Child(['--eval', code])));
      let group;
      run.readyMs = await timeOf(async () => {
        group = await launchGroup(stage, ['--size', SIZE]);
      });
      run.commandMs = {};
      for (const command of COMMANDS)
        run.commandMs[command] = await timeOf(() => endOf(stage.command(command.split(' '))));
      await group.stop();
      runs.push(run);
      say(
        `round ${round}: ready after ${Math.round(run.readyMs)} ms, --version ${Math.round(run.commandMs['--version'])} ms`,
      );
    }
    return { runs };
  });
}

async function endOf(child) {
  const end = await child.ended;
  if (end !== 'exit code 0') throw new Error(`a process ended: ${end}`);
}

async function timeOf(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
