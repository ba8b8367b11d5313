import { type CheckState, type Finding, type Fix, shell, unseen } from '../core/finding.js';
import { plural } from '../core/words.js';
import type { DoctorFacts } from '../redis/doctor-facts.js';
import type { LaneNode } from '../redis/lane-nodes.js';
import { otherNumber } from '../redis/lanes-change.js';
import type { ServerFacts } from '../redis/server.js';

/** How many lanes a group has, and how many a process with these settings would have. */
export interface OtherLanes {
  readonly lanes: number;
  readonly given: number;
  /** With what its start is refused; undefined if nothing is left in lanes that would be no more. */
  readonly refusal: string | undefined;
  /** Whether a process of the group lives. */
  readonly isRunning: boolean;
}

/** What a start with another number of lanes than the group has comes to. */
export function otherLanesOf({ lanes, given, refusal, isRunning }: OtherLanes): CheckState[] {
  const start = shell('cgroup', 'start', '--lanes', String(lanes));
  if (refusal !== undefined)
    return [{ status: 'mend', what: refusal, why: 'a process with these settings does not start' }];
  if (lanes === given) return [];
  if (isRunning)
    return [
      {
        status: 'mend',
        what: otherNumber(lanes, given).message,
        why: 'a process with these settings does not start while others run',
        fixes: [start],
      },
    ];
  return [
    {
      status: 'note',
      what: `the group has ${plural(lanes, 'lane')}, and the settings say ${given}: no process runs and nothing waits, so a start takes ${given}`,
      why: 'all processes of a group need the same number',
      fixes: [start],
    },
  ];
}

/** Which node has which lanes, and whether they are spread as evenly as can be; nothing for a group with one lane. */
export function lanesOfNodes({ laneNodes }: Pick<DoctorFacts, 'laneNodes'>): CheckState[] {
  if (!laneNodes) return [unseen('CLUSTER SLOTS')];
  if (laneNodes.length === 0) return [];
  const ranked = [...laneNodes].sort((a, b) => b.lanes.length - a.lanes.length);
  const [most, least] = [ranked[0], ranked.at(-1)] as [LaneNode, LaneNode];
  const what = ranked.map(({ address, lanes }) => `${address} has ${numbersOf(lanes)}`).join(', ');
  if (most.lanes.length - least.lanes.length < 2) return [{ status: 'ok', what }];
  return [
    {
      status: 'note',
      what,
      why:
        'a node does the work of the lanes that lie in its slots: these lines move the slot of one lane, with all that is in it. ' +
        'Do it before there is much in it: both nodes answer nothing while they move a long output. Look again after them',
      fixes: moving(most, least),
    },
  ];
}

/**
 * What is not well at the other nodes that have lanes, by check: each says the node.
 *
 * @param statesOf of a server
 */
export function statesOfLanes(
  { laneServers }: Pick<DoctorFacts, 'laneServers'>,
  statesOf: (server: ServerFacts) => Readonly<Record<string, CheckState>>,
): ReadonlyMap<string, readonly CheckState[]> {
  const found = new Map<string, CheckState[]>();
  for (const { address, server } of laneServers)
    for (const [check, state] of Object.entries(statesOf(server)))
      if (state.status !== 'ok') {
        const fixes = state.fixes?.map((fix) =>
          fix.at === 'redis' ? shell('redis-cli', ...at(address), ...fix.words) : fix,
        );
        const here = { ...state, what: `${address}: ${state.what}`, ...(fixes && { fixes }) };
        found.set(check, [...(found.get(check) ?? []), here]);
      }
  return found;
}

/** Findings whose lines start a process as the others of the group were: with so many lanes; 0 for a group with one. */
export function startedWithLanes(findings: readonly Finding[], lanes: number): readonly Finding[] {
  if (lanes === 0) return findings;
  const isStart = ({ at, words }: Fix) =>
    at === 'shell' && words[0] === 'cgroup' && words[1] === 'start' && !words.includes('--lanes');
  return findings.map((finding) => ({
    ...finding,
    ...(finding.fixes && {
      fixes: finding.fixes.map((fix) =>
        isStart(fix) ? { ...fix, words: [...fix.words, '--lanes', String(lanes)] } : fix,
      ),
    }),
  }));
}

/** `2 lanes ({1} {2})` */
function numbersOf(lanes: LaneNode['lanes']): string {
  if (lanes.length === 0) return 'no lane';
  const numbers = lanes.map(({ output }) => output.slice(output.lastIndexOf('{')));
  return `${lanes.length === 1 ? 'one lane' : `${lanes.length} lanes`} (${numbers.join(' ')})`;
}

/** Gives the slot of a lane to another node; redis-cli finishes what the first two lines begin. */
function moving(from: LaneNode, to: LaneNode): Fix[] {
  const slot = String(from.lanes.at(-1)?.slot);
  return [
    shell('redis-cli', ...at(to.address), 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id),
    shell('redis-cli', ...at(from.address), 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id),
    shell('redis-cli', '--cluster', 'fix', from.address),
  ];
}

/** The flags of redis-cli for a node. */
function at(address: string): string[] {
  const colon = address.lastIndexOf(':');
  return ['-h', address.slice(0, colon).replace(/[[\]]/g, ''), '-p', address.slice(colon + 1)];
}
