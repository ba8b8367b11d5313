/**
 * The cost of the messages of a run: call it before the run, and the function that it returns after.
 *
 * @param {import('./child.js').Child | import('./team.js').Team} child the process whose CPU is counted beside Redis's, and
 *   perhaps its workers
 * @returns {Promise<(messages: number) => Promise<{ redisMicros: number, nodeMicros: number, workerMicros?: number }>>} µs of
 *   CPU per message
 */
export async function meter(stage, child) {
  const before = {
    redis: await stage.redisCpuMs(),
    node: child.usage().cpuMs,
    workers: child.workersCpuMs?.(),
  };
  return async (messages) => ({
    redisMicros: (((await stage.redisCpuMs()) - before.redis) * 1_000) / messages,
    nodeMicros: ((child.usage().cpuMs - before.node) * 1_000) / messages,
    ...(before.workers !== undefined && {
      workerMicros: ((child.workersCpuMs() - before.workers) * 1_000) / messages,
    }),
  });
}
