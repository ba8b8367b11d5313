import { type CheckState, type Fix, notChecked, redis, shell, unseen } from '../core/finding.js';
import { aboutText, plural } from '../core/words.js';
import type { DoctorFacts } from '../redis/doctor-facts.js';
import { oldNameOf } from '../redis/slots.js';
import { patternHint } from '../settings/channels.js';
import { formatDuration } from '../settings/durations.js';
import type { Settings } from '../settings/settings.js';
import { withoutLateEntries } from './late-ids.js';

/** ms by which two clocks may differ without confusing people who compare their times. */
const CLOCKS_APART = 2_000;
/** ms by which a clock may drift in a second. */
const STEP = 250;
/** Foreign values that one finding names. */
const MOST_NAMED = 10;
/** Round trips that must fit into a lease. */
const TRIPS_IN_LEASE = 4;
/** ms after `claimAfter` that live consumers have to take over the messages of a silent one. */
const PATIENCE = 10_000;

/**
 * Which rights the user lacks.
 *
 * @param grant the commands that grant them
 */
export function rightsOf({ rights }: DoctorFacts, grant: readonly Fix[]): CheckState {
  if (!rights) return { status: 'note', what: 'not checked: a replica refuses writes of every user' };
  const { complete, commands, keys, channels } = rights;
  const lacks = [
    ...commands.map((command) => `+${command}`),
    ...keys.map((key) => `~${key}`),
    ...channels.map((channel) => `&${channel}`),
  ];
  if (lacks.length === 0) return { status: 'ok', what: 'the user may do all that is needed' };
  return {
    status: 'mend',
    what: `the Redis user lacks ${complete ? '' : 'at least '}${lacks.join(' ')}`,
    why: 'a refused command stops the group, or a part of it, at the moment when it is needed',
    fixes: grant,
  };
}

/** Where the two slots of the group are; nothing without a Cluster. */
export function slotsOf({ nodes }: Pick<DoctorFacts, 'nodes'>): CheckState[] {
  if (!nodes) return [];
  const { group, registry } = nodes;
  const what =
    group === registry
      ? `the slots of the output and of the consumers are at ${group}`
      : `the slot of the output is at ${group}, that of the consumers at ${registry}`;
  return [{ status: 'ok', what }];
}

/** Whether the Sentinels can replace the master; nothing without Sentinels. */
export function sentinelsOf({ sentinels }: Pick<DoctorFacts, 'sentinels'>): CheckState[] {
  if (!sentinels) return [];
  const { all, answering, needed } = sentinels;
  const what = `${answering} of ${plural(all, 'Sentinel')} ${answering === 1 ? 'answers' : 'answer'}, and a fail-over needs ${needed}`;
  if (answering < needed)
    return [
      {
        status: 'mend',
        what,
        why: 'a master that fails is not replaced; look whether they run, and whether this machine reaches them',
      },
    ];
  if (answering === needed)
    return [{ status: 'note', what, why: 'if one more is lost, a master that fails is not replaced' }];
  return [{ status: 'ok', what }];
}

/** Redis's clock against this machine's. */
export function clockOf({ clock }: DoctorFacts): CheckState {
  if (!clock) return unseen('TIME');
  const { ahead, stepped } = clock;
  const set = [shell('timedatectl', 'set-ntp', 'true')];
  if (Math.abs(stepped) > STEP)
    return {
      status: 'mend',
      what: `Redis's clock jumped by ${Math.round(stepped)} ms within a second`,
      why: 'retries come too early or too late, and live consumers may count as dead',
      fixes: set,
    };
  const apart = `Redis's clock is ${aboutText(Math.abs(ahead))} ${ahead < 0 ? 'behind' : 'ahead of'} this machine's`;
  if (Math.abs(ahead) <= CLOCKS_APART) return { status: 'ok', what: apart };
  return {
    status: 'mend',
    what: apart,
    why: 'the group uses the clock of Redis only, but the times of dead letters and gaps do not match those in the log',
    fixes: set,
  };
}

/** Whether Redis answers fast enough for the lease. */
export function latencyOf({ latency }: DoctorFacts, { lease }: Pick<Settings, 'lease'>): CheckState {
  if (!latency) return unseen('PING');
  const { median, p99 } = latency;
  const what = `PING takes ${median.toFixed(1)} ms, ${p99.toFixed(1)} ms at most in 99 of 100`;
  if (p99 * TRIPS_IN_LEASE <= lease) return { status: 'ok', what };
  const enough = Math.ceil((p99 * TRIPS_IN_LEASE) / 1_000);
  return {
    status: 'mend',
    what,
    why: `with a lease of ${formatDuration(lease)} a slow answer moves the lead to another bridge without need`,
    fixes: [redis('SLOWLOG', 'GET', '10'), shell('cgroup', 'start', '--lease', `${enough}s`)],
  };
}

/** Whether the keys of the group hold what they should. */
export function keysOfGroup({ wrongKeys, unseenKeys, foreign, server }: DoctorFacts): CheckState {
  if (wrongKeys.length === 0) {
    if (foreign.length > 0) return foreignIn(foreign);
    if (unseenKeys.length > 0) return unseen(`TYPE of ${unseenKeys.join(', ')}`);
    return { status: 'ok', what: 'nothing foreign under the names of the group' };
  }
  return {
    status: 'mend',
    what: wrongKeys
      .map(({ key, found, expected }) => `${key} holds a ${found}, not a ${expected}`)
      .join('; '),
    why: 'the group does not start, to leave that data as it is',
    fixes: wrongKeys.map(({ key }) => redis('RENAME', key, oldNameOf(key, server?.cluster === true))),
  };
}

function foreignIn(foreign: DoctorFacts['foreign']): CheckState {
  const named = foreign.slice(0, MOST_NAMED);
  const rest = foreign.length - named.length;
  const names = named.map(({ key, field }) => `${JSON.stringify(field)} in ${key}`).join(', ');
  return {
    status: 'mend',
    what: `another program wrote into the keys of the group: ${names}${rest > 0 ? `, and ${rest} more` : ''}`,
    why: 'the group passes over these values: a number counts as 0 and is not counted on, an entry is left out',
    fixes: named.map(({ command }) => redis(...command)),
  };
}

/** Whether the streams of the group have room for more entries. */
export function idsOf(
  { lateStreams }: DoctorFacts,
  { group }: Pick<Settings, 'group'>,
): CheckState | CheckState[] {
  if (!lateStreams) return unseen('XINFO STREAM');
  if (lateStreams.length === 0) return { status: 'ok', what: 'no stream has an id far in the future' };
  return lateStreams.map((stream) => ({
    status: 'mend',
    what: `the last id of ${stream.key} is ${stream.lastId}, which another program wrote`,
    why: 'after the last possible id Redis adds no other entry: what is to be written waits, and nothing is lost',
    fixes: [withoutLateEntries(stream, group)],
  }));
}

/** Whether the channels are used as they should be. */
export function channelOf(
  { counters, pulled }: DoctorFacts,
  { channel }: Pick<Settings, 'channel'>,
): CheckState[] {
  const findings: CheckState[] = [];
  const pattern = pulled ? undefined : patternHint(channel);
  if (pattern) findings.push({ status: 'note', what: pattern });
  const { foreignMarks = 0, strays = 0 } = counters ?? {};
  if (foreignMarks > 0)
    findings.push({
      status: 'note',
      what: `${plural(foreignMarks, 'text')} on the marks channel ignored: another client publishes there`,
      why: 'the group is not harmed; give publishers a Redis user of their own, by the line below',
    });
  if (strays > 0)
    findings.push({
      status: 'note',
      what: `${plural(strays, 'message')} found that another program had taken from the pending ones, and processed`,
      why: 'XACK, XGROUP DELCONSUMER and XGROUP SETID on the inbox only delay messages: cgroup needs no help of this kind',
    });
  return findings;
}

/** Whether other groups or subscribers receive the channel. */
export function othersOf({ channel, bridges, others, pulled }: DoctorFacts): CheckState[] {
  // Groups without bridges cannot be found like this.
  if (pulled) return [];
  const findings: CheckState[] = [];
  const same = (others ?? []).filter(
    ({ source }) => source?.kind === 'channel' && source.name === channel.name,
  );
  if (same.length > 0)
    findings.push({
      status: 'note',
      what: `other groups read the same channel, into ${same.map(({ output }) => output).join(', ')}`,
      why: 'each group processes every message: if you do not want that, stop one',
      fixes: same.map(({ output }) => shell('cgroup', 'status', '--output', output)),
    });
  const unknown = (others ?? []).filter(({ source }) => source === undefined);
  if (unknown.length > 0)
    findings.push({
      status: 'note',
      what: `other groups run here, and this user may not see what they read: ${unknown.map(({ output }) => output).join(', ')}`,
    });
  if (findings.length > 0) return findings;
  if (others === undefined) return [unseen('PUBSUB CHANNELS')];
  if (channel.subscribers === undefined || bridges === undefined) return [unseen('PUBSUB NUMSUB')];
  const rest = channel.subscribers - bridges;
  if (rest > 0)
    return [
      {
        status: 'note',
        what: `${plural(rest, 'more subscriber')} on the channel`,
        why: 'they receive every message too: if one does the same work as the group, that work is done twice',
        fixes: [redis('CLIENT', 'LIST', 'TYPE', 'pubsub')],
      },
    ];
  return [{ status: 'ok', what: 'no other subscriber on the channel' }];
}

/** Starts a process: a managed one, if the group has some or wants a number of consumers in them. */
function startOf(facts: DoctorFacts['control']): Fix {
  const managed = facts && (facts.control.size !== undefined || facts.processes.some((one) => one.managed));
  return shell('cgroup', 'start', ...(managed ? ['--managed'] : []));
}

/** Whether a bridge relays, and another one could take over. */
export function bridgesOf({ bridges, live, control, pulled }: DoctorFacts): CheckState[] {
  return pulled ? [] : [subscribedOf({ bridges, live, control })];
}

function subscribedOf({
  bridges,
  live,
  control,
}: Pick<DoctorFacts, 'bridges' | 'live' | 'control'>): CheckState {
  const start = [startOf(control)];
  if (bridges === undefined) return unseen('PUBSUB NUMSUB');
  if (bridges === 0 && live)
    return {
      status: 'mend',
      what: `no bridge is subscribed, though ${plural(live, 'consumer runs', 'consumers run')}`,
      why: 'messages that are published now are lost',
      fixes: start,
    };
  if (bridges === 0 && live === undefined)
    return {
      status: 'note',
      what: `no bridge is subscribed; whether consumers run ${notChecked('LRANGE of their list')}`,
      fixes: start,
    };
  if (bridges === 0) return { status: 'note', what: 'no process of this group runs', fixes: start };
  if (bridges === 1)
    return {
      status: 'note',
      what: 'one bridge is subscribed',
      why: 'messages published while its process restarts are missed: run a second process',
      fixes: start,
    };
  return { status: 'ok', what: `${plural(bridges, 'bridge is', 'bridges are')} subscribed` };
}

/** Whether consumers run for all messages that wait or are pending. */
export function consumersOf(
  { live, orphans, backlog, control }: DoctorFacts,
  { claimAfter }: Pick<Settings, 'claimAfter'>,
): CheckState {
  const start = [startOf(control)];
  // Live consumers need a moment to take over.
  const stuck = (orphans ?? []).filter(({ idle }) => idle > (live ? claimAfter + PATIENCE : claimAfter));
  const held = stuck.reduce((sum, { pending }) => sum + pending, 0);
  if (stuck.length > 0)
    return {
      status: 'mend',
      what: `${plural(held, 'message lies', 'messages lie')} with consumers that are gone: ${stuck.map(({ id }) => id).join(', ')}`,
      why: live
        ? 'the running consumers have not taken them over: they are stuck, or have no room'
        : 'they are processed as soon as a process runs; XGROUP DELCONSUMER would lose them',
      fixes: start,
    };
  if (live === undefined) return unseen('LRANGE of their list, or HGETALL of the hash about them');
  if (live === 0 && backlog)
    return {
      status: 'mend',
      what: `${plural(backlog, 'message waits', 'messages wait')}, and no consumer runs`,
      why: 'nothing is processed',
      fixes: start,
    };
  if (live === 0 && backlog === undefined)
    return {
      status: 'note',
      what: `none run; the messages that wait are ${notChecked('XLEN of the inbox')}`,
    };
  const run = live === 0 ? 'none run, nothing waits' : plural(live, 'consumer runs', 'consumers run');
  if (orphans === undefined && live > 0)
    return { status: 'note', what: `${run}; messages of others are ${notChecked('EVALSHA or XPENDING')}` };
  return { status: 'ok', what: live === 0 ? run : `${run}, none is orphaned` };
}
