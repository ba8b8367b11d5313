/**
 * The sizes of each measure: in a full run, which fits into an hour on two cores, and in a short one, which only shows that
 * everything works. reference.json belongs to the short flood: change both together. That flood is long enough for a small
 * share of start-up, and for stable medians of three rounds on a busy machine.
 */
export const FULL = {
  flood: { messages: 200_000, limit: 1_000_000, rounds: 5 },
  rates: { rates: [1_000, 10_000, 50_000], seconds: 6, rounds: 3 },
  latency: { rates: [1_000, 10_000, 50_000], seconds: 8, rounds: 3 },
  orders: { messages: 200_000, limit: 1_000_000, rounds: 5 },
  steps: { messages: 200_000, seconds: 600, kept: 1_000_000 },
  queue: { messages: 300, work: 500, size: 1 },
  drain: { messages: 1_000_000, limit: 1_000_000, rounds: 5 },
  scaling: {
    sizes: [1, 2, 4, 8, 16, 32, 64],
    works: [0, 1, 5, 50],
    seconds: 3,
    messages: 500_000,
    rounds: 3,
    roundsWithoutWork: 7,
  },
  threads: { threads: [1, 2], messages: 10_000, rounds: 3 },
  lanes: { counts: [1, 2, 3], messages: 200_000, rounds: 5 },
  replicas: { counts: [0, 1, 2], messages: 100_000, latency: { rate: 1_000, seconds: 5 }, rounds: 5 },
  processors: {
    messages: { module: 300_000, remote: 200_000, exec: 200_000, http: 40_000, python: 40_000 },
    latency: { rate: 1_000, seconds: 8 },
    limit: 1_000_000,
    rounds: 3,
  },
  watched: { messages: 800_000, streams: 100, pairs: 20 },
  scripts: { waiting: 1_000_000, pending: 100_000, dead: 100_000, bytes: 10_000_000 },
  shares: {
    groups: [
      { processes: 4, hosts: 4, size: 20, small: 3 },
      { processes: 40, hosts: 3, size: 1_000, small: 40 },
    ],
    rounds: 3,
  },
  autoscale: {
    processes: 2,
    work: 20,
    phases: [
      { rate: 100, seconds: 40 },
      { rate: 1_000, seconds: 40 },
      { rate: 50, seconds: 150 },
    ],
    drainWithinMs: 10_000,
  },
  startup: { rounds: 10 },
  stopped: { rate: 200_000, seconds: 60 },
  burst: { messages: 1_500_000, afterSeconds: 60 },
  soak: { rate: 100_000, seconds: 600 },
};

export const SHORT = {
  flood: { contenders: ['cgroup', 'bullmq', 'tutorial'], messages: 40_000, limit: 600_000, rounds: 3 },
  rates: { contenders: ['cgroup', 'bee-queue'], rates: [1_000], seconds: 1, rounds: 1 },
  latency: { contenders: ['cgroup'], rates: [1_000], seconds: 1, rounds: 1 },
  orders: { messages: 10_000, limit: 200_000, rounds: 1 },
  steps: { messages: 10_000, seconds: 2, kept: 100_000 },
  queue: { messages: 60, work: 50, size: 1 },
  drain: { messages: 20_000, limit: 200_000, rounds: 1 },
  scaling: { sizes: [1, 2], works: [5], seconds: 1, messages: 20_000, rounds: 1, roundsWithoutWork: 1 },
  threads: { threads: [1], messages: 500, rounds: 1 },
  lanes: { counts: [1, 3], messages: 10_000, rounds: 1 },
  replicas: { counts: [0, 1], messages: 5_000, latency: { rate: 1_000, seconds: 1 }, rounds: 1 },
  processors: {
    messages: { module: 5_000, remote: 5_000, exec: 5_000, http: 1_000, python: 1_000 },
    limit: 200_000,
    rounds: 1,
  },
  watched: { messages: 20_000, streams: 5, pairs: 1 },
  scripts: { waiting: 20_000, pending: 12_000, dead: 5_000, bytes: 1_000_000 },
  shares: { groups: [{ processes: 2, hosts: 2, size: 6, small: 2 }], rounds: 1 },
  autoscale: {
    processes: 1,
    work: 5,
    phases: [
      { rate: 100, seconds: 3 },
      { rate: 400, seconds: 6 },
    ],
    drainWithinMs: 5_000,
  },
  startup: { rounds: 1 },
  stopped: { rate: 50_000, seconds: 1 },
  burst: { messages: 20_000, afterSeconds: 1 },
  soak: { rate: 5_000, seconds: 2 },
};
