import { isNamed } from '../core/control.js';
import { type CheckState, shell, unseen } from '../core/finding.js';
import { lacksWorkers, sizesOf, stalledOf } from '../core/sizes.js';
import { numberText, plural } from '../core/words.js';
import type { ControlFacts } from '../redis/control-facts.js';
import type { DoctorFacts } from '../redis/doctor-facts.js';

/** Whether the processes can do what operators want of the group. */
export function controlChecks({ control: facts }: Pick<DoctorFacts, 'control'>): CheckState[] {
  if (facts === null) return [];
  if (!facts) return [unseen('EVALSHA of the script that reads the control')];
  const found = [
    foreignIn(facts),
    pauseOf(facts),
    shortageOf(facts),
    leaderlessIn(facts),
    workerlessIn(facts),
    stalledIn(facts),
    olderIn(facts),
    ...goneIn(facts),
  ].filter((state) => state !== undefined);
  return found.length > 0 ? found : [{ status: 'ok', what: allWell(facts) }];
}

function allWell({ control, processes }: ControlFacts): string {
  const { wanted, capacity, hosts } = sizesOf(control, processes);
  if (!processes.some(({ managed }) => managed)) return 'no size is wanted, and no process is managed';
  return `${plural(wanted, 'consumer')} wanted, capacity ${numberText(capacity)} on ${plural(hosts, 'host')}`;
}

function foreignIn({ foreign }: ControlFacts): CheckState | undefined {
  if (foreign.length === 0) return undefined;
  return {
    status: 'note',
    what: `another program wrote or removed fields of the control: ${foreign.join(', ')}`,
    why: 'the last good state counts; the next heartbeat of a process writes it back',
  };
}

function pauseOf({ control, paused }: ControlFacts): CheckState | undefined {
  if (!control.paused) return undefined;
  const why = paused?.why ? `: ${paused.why}` : '';
  return {
    status: 'note',
    what: `the group is paused${paused ? `, by ${paused.who} since ${paused.at}${why}` : ''}`,
    why: 'messages are relayed and wait; none is processed',
    fixes: [shell('cgroup', 'resume')],
  };
}

function shortageOf({ control, processes }: ControlFacts): CheckState | undefined {
  const { wanted: sized, capacity, managed, hosts } = sizesOf(control, processes);
  const wanted = Math.max(sized, control.autoscale?.min ?? 0);
  if (managed === 0 && control.size !== 0 && processes.some((one) => one.managed))
    return {
      status: 'mend',
      what: `${wanted > 0 ? `${plural(wanted, 'consumer')} wanted, and ` : ''}all managed processes are drained`,
      why: 'no managed consumer runs: end a drain, or start another process',
      fixes: control.drained
        .filter((name) => processes.some((one) => one.managed && isNamed(name, one)))
        .map((name) => shell('cgroup', 'undrain', name)),
    };
  if (capacity >= wanted) return undefined;
  const missing =
    managed > 0 ? `capacity ${numberText(capacity)} on ${plural(hosts, 'host')}` : 'no managed process runs';
  return {
    // A group that does not run at all lacks nothing.
    status: processes.length > 0 ? 'mend' : 'note',
    what: `${plural(wanted, 'consumer')} wanted, ${missing}`,
    why: 'the rest does not run: start more processes, raise their capacity, or end a drain',
    fixes: [shell('cgroup', 'start', '--managed')],
  };
}

function leaderlessIn({ control, processes, leader }: ControlFacts): CheckState | undefined {
  if (!control.autoscale || leader !== null || processes.length === 0) return undefined;
  // Without bridges the first of those that pull sets the size.
  if (processes.some(({ pulls }) => pulls)) return undefined;
  return {
    status: 'mend',
    what: 'autoscaling is on, and no bridge leads',
    why: 'the process that leads sets the size: until then it stays as it is',
    fixes: [shell('cgroup', 'start', '--managed')],
  };
}

function workerlessIn({ processes }: ControlFacts): CheckState | undefined {
  if (!lacksWorkers(processes)) return undefined;
  return {
    status: 'mend',
    what: 'no worker is connected to the processes for remote workers',
    why: 'messages wait for them: start a worker, or look at its log',
    fixes: [shell('cgroup', 'worker', '--connect', 'ws://HOST:PORT/workers', '-p', './handler.mjs')],
  };
}

function stalledIn({ processes }: ControlFacts): CheckState | undefined {
  const stalled = stalledOf(processes);
  if (stalled.length === 0) return undefined;
  return {
    status: 'mend',
    what: `the processor of ${stalled.map(({ id }) => id).join(', ')} cannot be started or reached`,
    why: 'its messages wait, or other processes have them: its log says what is wrong with the program, module or service',
  };
}

function olderIn({ processes }: ControlFacts): CheckState | undefined {
  const older = processes.filter(({ packSize }) => packSize === undefined);
  if (older.length === 0) return undefined;
  return {
    status: 'note',
    what: `processes of an older version: ${older.map(({ id }) => id).join(', ')}`,
    why: 'they cannot read packs: until they end, each message has an entry of its own, which takes longer',
  };
}

/** Drained hosts without a live process. The id of a process never comes back: the next change forgets it. */
function goneIn({ control, drainedProcesses, processes }: ControlFacts): CheckState[] {
  return control.drained
    .filter((name) => !drainedProcesses.includes(name) && !processes.some((one) => isNamed(name, one)))
    .map((name) => ({
      status: 'note',
      what: `${name} is drained, and no live process has this name`,
      why: 'a process that starts there gets no consumers',
      fixes: [shell('cgroup', 'undrain', name)],
    }));
}
