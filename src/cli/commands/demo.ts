import { Command } from 'commander';
import { numberText, plural } from '../../core/words.js';
import { silentLogger } from '../../log/logger.js';
import { printableJson } from '../../log/printable.js';
import { examplesText, print } from '../command.js';
import type { Audience, DemoResult } from '../demo/play.js';
import type { Stage } from '../demo/stage.js';
import type { watch } from '../monitoring.js';
import { INTERRUPTED_CODE, untilSignal } from '../signals.js';
import { columns } from '../table.js';

/** Exit code if a message was lost or doubled. */
const FAILED = 1;
/** ms between two lines of the monitor. */
const INTERVAL = 1_000;

const NEXT = `Now your turn, in two terminals, with a Redis at redis://127.0.0.1:6379
(or with --embedded, which starts a Redis and prints its URL for the second terminal):
  npx cgroup start --size 5 --monitor
  npx cgroup publish --count 100000`;

export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Shows a group at work on a private Redis: two processes, one is killed half-way, nothing is lost.',
    )
    .option('--json', 'print one JSON object in place of the story')
    .addHelpText(
      'after',
      examplesText([
        ['cgroup demo', 'watch it, about 15 seconds'],
        ['cgroup demo --json', 'the facts, for scripts'],
        ['cgroup start --size 5 --monitor', 'then: a group of your own'],
      ]),
    )
    .action(async ({ json }: { json?: boolean }) => {
      const ending = new AbortController();
      void untilSignal().then(() => ending.abort());
      const [{ play }, { Stage }, { watch }] = await Promise.all([
        import('../demo/play.js'),
        import('../demo/stage.js'),
        import('../monitoring.js'),
      ]);
      const stage = await Stage.open();
      try {
        const audience = json ? undefined : storyteller(stage, watch, ending.signal);
        const result = await play(stage, audience, ending.signal);
        if (!result) process.exitCode = INTERRUPTED_CODE;
        else report(result, json === true);
      } finally {
        ending.abort();
        await stage.close();
      }
    });
}

function report(result: DemoResult, json: boolean): void {
  print(json ? printableJson(result, 2) : `${verdict(result)}\n\n${NEXT}`);
  if (!result.ok) process.exitCode = FAILED;
}

/** Prints each step as it happens. */
function storyteller(stage: Stage, monitor: typeof watch, signal: AbortSignal): Audience {
  const monitoring = new AbortController();
  return {
    redisStarted(version, port) {
      print(`1. Started Redis${version ? ` ${version}` : ''} on port ${port}, for this demo only.`);
    },
    groupStarted(processes, leader, consumers) {
      print(
        `\n2. Started ${processes.length} processes of one group: cgroup start. The list consumer:ids holds`,
      );
      print(consumers.map((id) => `     ${id}`).join('\n'));
      print(
        `   Process ${leader} leads: its bridge relays the channel. The other one follows and can take over.`,
      );
    },
    publishing(messages, rate) {
      print(
        `\n3. Publishing ${plural(messages, 'message')} to messages:published, ${numberText(rate)} a second:`,
      );
      void monitor(() => stage.client.status(), {
        interval: INTERVAL,
        json: false,
        signal: AbortSignal.any([signal, monitoring.signal]),
        log: silentLogger,
      });
    },
    killed(pid, held) {
      print(
        `\n4. Half-way: kill -9 ${pid}, the process that leads. Its consumers held ${plural(held, 'message')}.`,
      );
    },
    recovered({ relayingAgainMs, idsGoneMs, takenOverMs, held }, leader, consumers) {
      print(
        `   ${since(relayingAgainMs)}: process ${leader} relays. It had kept what was published meanwhile.`,
      );
      print(
        `   ${since(idsGoneMs)}: the ids of the killed process are gone. consumer:ids holds ${consumers.join(' ')}`,
      );
      print(`   ${since(takenOverMs)}: other consumers have its ${plural(held, 'message')}.\n`);
    },
    drained() {
      monitoring.abort();
      print('\n5. All is processed. Comparing the output with the published ids:');
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
    : 'This is a defect, please report it: cgroup promises exactly one result for each message';
  return `${table}\n\n${words}. (${seconds.toFixed(0)} s)`;
}
