import type { Facts } from '../redis/facts.js';
import type { ServerFacts } from '../redis/server.js';
import type { Settings } from '../settings.js';
import type { Finding } from './finding.js';
import {
  bridgesOf,
  clockOf,
  consumersOf,
  keysOfGroup,
  latencyOf,
  othersOf,
  ownerOf,
  rightsOf,
} from './group-checks.js';
import { evictionOf, memoryOf, outputBufferOf, persistenceOf, roleOf, versionOf } from './server-checks.js';

/** All findings, in the order in which they are best mended. */
export function diagnose(facts: Facts, settings: Settings, acl: readonly string[]): Finding[] {
  return [
    rightsOf(facts, acl),
    ...(facts.server ? serverFindings(facts.server, facts) : [UNTOLD]),
    clockOf(facts),
    latencyOf(facts, settings),
    keysOfGroup(facts),
    ownerOf(facts, settings),
    bridgesOf(facts),
    consumersOf(facts, settings),
    ...othersOf(facts, settings),
  ];
}

const UNTOLD: Finding = {
  check: 'server',
  status: 'note',
  what: 'version, persistence, eviction and memory cannot be told: this user may not use INFO',
};

function serverFindings(server: ServerFacts, { channel }: Facts): Finding[] {
  const rate = channel ? channel.bytes / channel.seconds : 0;
  return [
    versionOf(server),
    roleOf(server),
    persistenceOf(server),
    evictionOf(server),
    memoryOf(server),
    outputBufferOf(server.pubsubHardLimit, rate),
  ];
}
