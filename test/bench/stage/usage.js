import { readdirSync, readFileSync } from 'node:fs';

/** The unit of times in /proc on Linux: 1/100 s, on all its architectures. */
const TICK_MS = 10;

/**
 * What a process has used so far: ms of CPU, in user and kernel, of all its threads; bytes of memory that are
 * resident, now and at most.
 *
 * @throws {Error} if there is no /proc (it runs on Linux only), or no such process
 */
export function usageOf(pid) {
  // The second field, the name in brackets, may hold spaces.
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kilobytes = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]);
  return {
    cpuMs: (Number(stat[11]) + Number(stat[12])) * TICK_MS,
    rss: kilobytes('VmRSS') * 1024,
    peak: kilobytes('VmHWM') * 1024,
  };
}

/** The ids of all processes that a process has started, directly or not, and that live. */
export function descendantsOf(pid) {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(name)]),
  );
  const below = (parent) =>
    [...parents].filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

/** Undefined for a process that has ended. */
function parentOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ')[1]);
  } catch {
    return undefined;
  }
}
