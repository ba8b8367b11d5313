import { launchGroup } from '../contenders/index.js';
import { Child } from '../stage/child.js';
import { Stage } from '../stage/stage.js';

const SIZE = 4;

/** From the start of the process `cgroup start` until it is ready; beside it, Node itself with nothing to do. */
export function startup({ rounds }, say) {
  return Stage.use(async (stage) => {
    const runs = [];
    for (let round = 1; round <= rounds; round++) {
      const nodeMs = await timeOf(() => new Child(['--eval', '0']).ended);
      let group;
      const readyMs = await timeOf(async () => {
        group = await launchGroup(stage, ['--size', SIZE]);
      });
      await group.stop();
      runs.push({ round, readyMs, nodeMs });
      say(`round ${round}: ready after ${Math.round(readyMs)} ms`);
    }
    return { runs };
  });
}

async function timeOf(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
