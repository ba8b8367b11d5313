import { type CheckState, type Finding, type Fix, notChecked } from '../core/finding.js';
import type { DoctorFacts } from '../redis/doctor-facts.js';
import { ownerOf, statesOfServer } from '../redis/server-checks.js';
import type { Settings } from '../settings/settings.js';
import { controlChecks } from './control-checks.js';
import {
  bridgesOf,
  channelOf,
  clockOf,
  consumersOf,
  idsOf,
  keysOfGroup,
  latencyOf,
  othersOf,
  rightsOf,
  sentinelsOf,
  slotsOf,
} from './group-checks.js';
import { lanesOfNodes, statesOfLanes } from './lane-checks.js';
import { haltedOf, orderOf } from './order-checks.js';
import { sourceChecks } from './source-checks.js';

/**
 * All findings, in the order in which to fix them.
 *
 * @param grant the commands that give the user the missing rights
 */
export function diagnose(facts: DoctorFacts, settings: Settings, grant: readonly Fix[]): Finding[] {
  const { bytesPerSecond } = facts.channel;
  const { minReplicas } = settings;
  const ofLanes = statesOfLanes(facts, (server) => {
    // Bridges subscribe at the node of the group.
    const { 'output buffer': _, ...states } = statesOfServer(server, undefined, minReplicas);
    return states;
  });
  const states: Record<string, CheckState | CheckState[]> = {
    rights: rightsOf(facts, grant),
    ...(facts.server ? statesOfServer(facts.server, bytesPerSecond, minReplicas) : { server: UNSEEN_SERVER }),
    // With a list or a stream no bridge subscribes.
    ...(facts.pulled && { 'output buffer': [] }),
    sentinels: sentinelsOf(facts),
    slots: slotsOf(facts),
    lanes: lanesOfNodes(facts),
    clock: clockOf(facts),
    latency: latencyOf(facts, settings),
    keys: keysOfGroup(facts),
    'stream ids': idsOf(facts, settings),
    channel: channelOf(facts, settings),
    source: sourceChecks(facts, settings),
    owner: ownerOf(facts.owner, settings),
    bridges: bridgesOf(facts),
    consumers: consumersOf(facts, settings),
    halted: haltedOf(facts),
    order: orderOf(facts),
    control: controlChecks(facts),
    'other groups': othersOf(facts),
  };
  return Object.entries(states).flatMap(([check, found]) =>
    [found, ofLanes.get(check) ?? []].flat().map((one) => ({ check, ...one })),
  );
}

const UNSEEN_SERVER: CheckState = {
  status: 'note',
  what: `version, role, persistence, eviction, memory, output buffer and message size ${notChecked('INFO')}`,
};
