/**
 * The cost of the messages of a run: call it before the run, and the function that it returns after.
 *
 * @param {import('./child.js').Child} child the process whose CPU is counted beside Redis's
 * @returns {Promise<(messages: number) => Promise<{ redisMicros: number, nodeMicros: number }>>} µs of CPU per message
 */
export async function meter(stage, child) {
  const before = { redis: await stage.redisCpuMs(), node: child.usage().cpuMs };
  return async (messages) => ({
    redisMicros: (((await stage.redisCpuMs()) - before.redis) * 1_000) / messages,
    nodeMicros: ((child.usage().cpuMs - before.node) * 1_000) / messages,
  });
}
