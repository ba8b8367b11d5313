import { type Finding, lineOf, redis } from '../../src/core/finding.js';
import { diagnose } from '../../src/doctor/diagnose.js';
import type { DoctorFacts } from '../../src/redis/doctor-facts.js';
import type { ServerFacts } from '../../src/redis/server.js';
import { parseSettings } from '../../src/settings/parse.js';
import { UNSET } from './control.js';
import { NO_ORDER } from './status.js';

export const MB = 2 ** 20;
const settings = parseSettings({ channel: 'in', output: 'out' });

/** A server with nothing wrong. */
export const server: ServerFacts = {
  version: 'Redis 7.0.15',
  release: [7, 0],
  cluster: false,
  masterAt: undefined,
  replicas: 0,
  maxmemoryPolicy: 'noeviction',
  maxmemory: 100 * MB,
  usedMemory: 10 * MB,
  systemMemory: 1_000 * MB,
  aof: true,
  aofFsync: 'everysec',
  save: '',
  savedWell: true,
  pubsubHardLimit: 32 * MB,
  replyLimit: 0,
  longestArgument: 512 * MB,
  configFile: '/etc/redis.conf',
  aclFile: '',
};

/** A healthy group on a healthy server. */
const well: DoctorFacts = {
  rights: { complete: true, commands: [], keys: [], channels: [] },
  server,
  nodes: undefined,
  sentinels: undefined,
  laneNodes: [],
  laneServers: [],
  clock: { ahead: 3, stepped: 0.4 },
  latency: { median: 0.1, p99: 0.3 },
  channel: { name: 'in', subscribers: 2, bytesPerSecond: 1_000 },
  pulled: undefined,
  bridges: 2,
  others: [],
  wrongKeys: [],
  unseenKeys: [],
  foreign: [],
  lateStreams: [],
  halted: [],
  counters: undefined,
  owner: { source: { kind: 'channel', name: 'in' }, group: 'cgroup' },
  live: 3,
  orphans: [],
  backlog: 12,
  order: NO_ORDER,
  control: {
    control: UNSET,
    foreign: [],
    drainedProcesses: [],
    processes: [],
    paused: undefined,
    leader: 'b1',
  },
};

/** A channel without subscribers. */
export const unheard = { name: 'in', subscribers: 0, bytesPerSecond: 0 };
const GRANT = [redis('ACL', 'SETUSER', 'cgroup', '+xadd')];

/** What the doctor finds if these facts differ from those of a healthy group. */
export const findings = (facts: Partial<DoctorFacts>) => diagnose({ ...well, ...facts }, settings, GRANT);

export const onServer = (facts: Partial<ServerFacts>) => findings({ server: { ...server, ...facts } });

/** The findings that are not ok, one line each. */
export const bad = (all: readonly Finding[]) =>
  all.filter(({ status }) => status !== 'ok').map((one) => `${one.status} ${one.check}: ${lineOf(one)}`);
