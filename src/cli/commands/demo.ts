import { Command } from 'commander';
import { silentLogger } from '../../log/logger.js';
import { examplesText, print } from '../command.js';
import { type Audience, type DemoResult, play } from '../demo/play.js';
import { Stage } from '../demo/stage.js';
import { watch } from '../monitoring.js';
import { INTERRUPTED, untilSignal } from '../signals.js';
import { columns } from '../table.js';

/** Exit code where a message was lost or doubled. */
const FAILED = 1;
/** ms between two lines of the monitor. */
const INTERVAL = 1_000;

const NEXT = `Now your turn, in two terminals, with a Redis at redis://127.0.0.1:6379
(or with --embedded, which starts one and says how the second terminal gets at it):
  npx cgroup start --size 5 --monitor
  npx cgroup publish --count 100000`;

export function demoCommand(): Command {
  return new Command('demo')
    .description('Shows all of it on a private Redis: two processes, one killed half-way, nothing lost.')
    .option('--json', 'print one JSON object, and no story')
    .addHelpText(
      'after',
      examplesText([
        ['cgroup demo', 'watch it, about 15 seconds'],
        ['cgroup demo --json', 'the facts, for scripts'],
      ]),
    )
    .action(async ({ json }: { json?: boolean }) => {
      const ending = new AbortController();
      void untilSignal().then(() => ending.abort());
      const stage = await Stage.open();
      try {
        const story = json ? silence : storyOf(stage, ending.signal);
        const result = await play(stage, story, ending.signal);
        if (!result) process.exitCode = INTERRUPTED;
        else tell(result, json === true);
      } finally {
        ending.abort();
        await stage.close();
      }
    });
}

function tell(result: DemoResult, json: boolean): void {
  print(json ? JSON.stringify(result, null, 2) : `${verdict(result)}\n\n${NEXT}`);
  if (!result.ok) process.exitCode = FAILED;
}

const silence: Audience = {
  redisStarted() {},
  groupStarted() {},
  publishing() {},
  killed() {},
  recovered() {},
  drained() {},
};

/** Tells what happens, line by line. */
function storyOf(stage: Stage, signal: AbortSignal): Audience {
  const monitoring = new AbortController();
  return {
    redisStarted(version, port) {
      print(`1. Started Redis${version ? ` ${version}` : ''} on port ${port}, for this demo alone.`);
    },
    groupStarted(processes, leader, consumers) {
      print(
        `\n2. Started ${processes.length} processes of one group: cgroup start. In the list consumer:ids are`,
      );
      print(consumers.map((id) => `     ${id}`).join('\n'));
      print(
        `   Process ${leader} leads: its bridge relays the channel. The other one follows, ready to take over.`,
      );
    },
    publishing(messages, rate) {
      print(`\n3. Publishing ${messages} messages to messages:published, ${rate} a second:`);
      void watch(() => stage.client.status(), {
        interval: INTERVAL,
        json: false,
        signal: AbortSignal.any([signal, monitoring.signal]),
        log: silentLogger,
      });
    },
    killed(pid, held) {
      print(`\n4. Half-way: kill -9 ${pid}, the process that leads. Its consumers held ${held} messages.`);
    },
    recovered({ relayingAgainMs, idsGoneMs, takenOverMs, held }, leader, consumers) {
      print(
        `   ${since(relayingAgainMs)}: process ${leader} relays. What was published meanwhile, it had kept.`,
      );
      print(`   ${since(idsGoneMs)}: the ids of the killed are gone. consumer:ids is ${consumers.join(' ')}`);
      print(`   ${since(takenOverMs)}: the ${held} messages that lay with the killed are with others.\n`);
    },
    drained() {
      monitoring.abort();
      print('\n5. All is processed. Holding the output against the ids that were published:');
    },
  };
}

function since(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s after the kill`;
}

function verdict({ published, processed, dead, lost, doubled, ok, seconds }: DemoResult): string {
  const facts = { published, processed, dead, lost, doubled };
  const table = columns([Object.keys(facts), Object.values(facts).map(String)]);
  const words = ok
    ? 'Each message has exactly one result'
    : 'That is not as it should be, please report it: cgroup promises one result for each message';
  return `${table}\n\n${words}. (${seconds.toFixed(0)} s)`;
}
