/** A process, and its last share. */
export interface Process {
  readonly id: string;
  readonly host: string;
  readonly capacity: number;
  readonly share: number;
}

export const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0);

/** Even within one, as far as capacities allow: one has two more than another only if that one is full. */
function isEven(all: readonly { readonly capacity: number; readonly target: number }[]): boolean {
  const most = Math.max(...all.map(({ target }) => target));
  return all.every(
    ({ capacity, target }) => target <= capacity && (target >= most - 1 || target === capacity),
  );
}

/** Hosts by name: their processes with targets. */
function hostsOf(processes: readonly Process[], targets: readonly number[]) {
  const hosts = new Map<string, (Process & { target: number })[]>();
  for (const [i, process] of processes.entries())
    hosts.set(process.host, [
      ...(hosts.get(process.host) ?? []),
      { ...process, target: targets[i] ?? Number.NaN },
    ]);
  return [...hosts.values()];
}

/** Whether the targets are even over hosts, and over the processes of each, as far as capacities allow. */
export function isFair(processes: readonly Process[], targets: readonly number[]): boolean {
  const hosts = hostsOf(processes, targets);
  const totals = hosts.map((all) => ({
    capacity: sumOf(all.map(({ capacity }) => capacity)),
    target: sumOf(all.map(({ target }) => target)),
  }));
  return isEven(totals) && hosts.every(isEven);
}
