import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { has } from '../programs.js';
import { until } from '../until.js';
import { proveSoon, TAKEN_OVER } from './fault.js';

const WORKER = fileURLToPath(new URL('../workers/exec-worker.py', import.meta.url));
/** The interpreter itself: a script that stands for it would take long to start. */
function python() {
  if (!has('python3')) return 'python3';
  return execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
}

/** What a message makes its child do; see the worker. */
const BAD = ['twice', 'late', 'mute', 'rubbish', 'half', 'breaks'];
const OF_EACH = 5;
/** In two processes with two consumers each. */
const CHILDREN = 4;
/** Past the timeout (2 s), but within the second in which an answer that is late still comes from a healthy child. */
const LATE_SECONDS = 2.4;

/** @type {import('./fault.js').Fault[]} */
export const execChildren = [
  {
    name: 'exec-children-killed',
    family: 'workers',
    line: 'Python children that are killed, stopped for good, stopped for 0.3 s, and killed with their process; they answer twice, late, never, with rubbish, in halves, with half a line before they end',
    cuts: 'one',
    outage: TAKEN_OVER,
    needs: {
      ones: true,
      rate: 2_000,
      args: [
        ['--processor', `exec:'${python()}' '${WORKER}' ${LATE_SECONDS}`],
        ['--concurrency', '20', '--timeout', '2s', '--max-attempts', '10', '--backoff', '100ms'],
      ].flat(),
    },
    impossible: () => (has('python3') ? undefined : 'there is no python3 on this machine'),
    async strike(stage, random) {
      const { group, publishing } = stage;
      for (const kind of random.shuffle(BAD)) publishing.send(kind, OF_EACH);
      const kinds = ['killed', 'killed', 'killed', 'stopped', 'paused', 'paused'];
      for (const kind of random.shuffle(kinds)) {
        await whole(stage);
        await STRIKES[kind]((signal) => hitOne(group, random, signal));
        await sleep(random.between(300, 700));
      }
      await whole(stage);
      const killed = await killProcess(random.pick(group.processes));
      await group.whole(stage.bridges);
      await whole(stage);
      const told = await proveSoon(() => misbehaved(group), 'each kind of bad answer');
      return {
        proof: `3 children killed, 1 stopped until it was replaced, 2 for 0.3 s, ${killed} ended with their process; bad answers: ${told}`,
      };
    },
  },
];

const STRIKES = {
  async killed(hit) {
    const pid = await hit('SIGKILL');
    await until(() => !isAlive(pid), { what: `child ${pid} to end` });
  },
  /** Its deliveries run into their deadline, then it is replaced. */
  async stopped(hit) {
    const pid = await hit('SIGSTOP');
    await until(() => !isAlive(pid), { what: `the stopped child ${pid} to be replaced` });
  },
  async paused(hit) {
    const pid = await hit('SIGSTOP');
    await sleep(300);
    if (isAlive(pid)) process.kill(pid, 'SIGCONT');
  },
};

/** Sends a signal to a child; to another one if a message has ended that one just now. Returns its process id. */
function hitOne(group, random, signal) {
  return until(
    () => {
      const pid = random.pick(childrenOf(group.processes));
      process.kill(pid, signal);
      return pid;
    },
    { what: `a child that gets ${signal}` },
  );
}

/** Kills a process of the group: its children must not outlive it. Returns how many it had. */
async function killProcess(one) {
  const own = childrenOf([one]);
  await one.kill('exec-children-killed');
  await until(() => !own.some(isAlive), {
    what: `the children of ${one.pid} to end with it`,
    timeout: 2_000,
  });
  return own.length;
}

/** Waits until each consumer has its child. */
function whole({ group }) {
  return until(() => childrenOf(group.processes).length === CHILDREN, { what: `${CHILDREN} children` });
}

/** The process ids of the children of these processes. */
function childrenOf(processes) {
  const parents = processes.map(({ pid }) => pid);
  return living()
    .filter(([, parent]) => parents.includes(parent))
    .map(([pid]) => pid);
}

function isAlive(pid) {
  return living().some(([one]) => one === pid);
}

/** Process ids, each with that of its parent; without those that have ended and are not waited for yet. */
function living() {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n');
  const rows = lines.map((line) => line.trim().split(/\s+/));
  return rows.filter(([, , state]) => !state.startsWith('Z')).map((row) => row.slice(0, 2).map(Number));
}

/** How often each kind of bad answer was given, once all were; the worker writes that to stderr. */
function misbehaved({ all }) {
  const logs = all.map(({ log }) => readFileSync(log, 'utf8'));
  const counts = BAD.map((kind) => {
    const told = logs.flatMap((log) => log.match(new RegExp(`chaos: ${kind}, attempt 1`, 'g')) ?? []);
    return [kind, told.length];
  });
  return counts.every(([, count]) => count > 0) && counts.map((pair) => pair.join(' ')).join(', ');
}
