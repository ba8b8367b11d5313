import { type Finding, type Fix, notChecked } from '../core/finding.js';
import type { DoctorFacts } from '../redis/doctor-facts.js';
import type { ServerFacts } from '../redis/server.js';
import {
  evictionOf,
  memoryOf,
  outputBufferOf,
  ownerOf,
  persistenceOf,
  roleOf,
  versionOf,
} from '../redis/server-checks.js';
import type { Settings } from '../settings/settings.js';
import {
  bridgesOf,
  clockOf,
  consumersOf,
  keysOfGroup,
  latencyOf,
  othersOf,
  rightsOf,
} from './group-checks.js';

/**
 * All findings, in the order in which to fix them.
 *
 * @param grant the commands that give the user the missing rights
 */
export function diagnose(facts: DoctorFacts, settings: Settings, grant: readonly Fix[]): Finding[] {
  return [
    rightsOf(facts, grant),
    ...(facts.server ? serverFindings(facts.server, facts) : [UNSEEN_SERVER]),
    clockOf(facts),
    latencyOf(facts, settings),
    keysOfGroup(facts),
    ownerOf(facts.owner, settings),
    bridgesOf(facts),
    consumersOf(facts, settings),
    ...othersOf(facts),
  ];
}

const UNSEEN_SERVER: Finding = {
  check: 'server',
  status: 'note',
  what: `version, role, persistence, eviction, memory and output buffer ${notChecked('INFO')}`,
};

function serverFindings(server: ServerFacts, { channel }: DoctorFacts): Finding[] {
  return [
    versionOf(server),
    roleOf(server),
    persistenceOf(server),
    evictionOf(server),
    memoryOf(server),
    outputBufferOf(server.pubsubHardLimit, channel.bytesPerSecond, server.configFile),
  ];
}
