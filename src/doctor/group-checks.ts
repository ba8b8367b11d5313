import { formatDuration } from '../duration.js';
import { LONGEST_WAIT } from '../outcome.js';
import type { Facts, OrphanFacts } from '../redis/facts.js';
import type { Settings } from '../settings.js';
import { type Finding, redis, shell } from './finding.js';

/** ms by which clocks may differ before people who compare their times are misled. */
const CLOCKS_APART = 2_000;
/** ms by which a clock may move by itself in a second. */
const STEP = 250;
/** A round trip must be so much shorter than the lease. */
const TRIPS_IN_LEASE = 4;
/** ms beyond the longest wait of a retry, during which a silent consumer's messages are still being taken over. */
const PATIENCE = 10_000;

/** What the user may not do. `acl` is the line that grants it. */
export function rightsOf({ rights }: Facts, acl: readonly string[]): Finding {
  const check = 'rights';
  if (!rights)
    return { check, status: 'note', what: 'not asked for: a replica refuses writes, whoever asks' };
  const { commands, keys, channels } = rights;
  const lacks = [
    ...commands.map((command) => `+${command}`),
    ...keys.map((key) => `~${key}`),
    ...channels.map((channel) => `&${channel}`),
  ];
  if (lacks.length === 0) return { check, status: 'ok', what: 'the user may do all that is needed' };
  return {
    check,
    status: 'mend',
    what: `the Redis user lacks ${lacks.join(' ')}`,
    why: 'a command that is refused half-way stops the group, or a part of it, when it is needed',
    cures: [redis(...acl)],
  };
}

/** Redis's clock against this machine's. */
export function clockOf({ clock: { ahead, stepped } }: Facts): Finding {
  const check = 'clock';
  const set = [shell('timedatectl', 'set-ntp', 'true')];
  if (Math.abs(stepped) > STEP)
    return {
      check,
      status: 'mend',
      what: `Redis's clock jumped by ${Math.round(stepped)} ms within a second`,
      why: 'retries come too early or too late, and consumers may be taken for dead',
      cures: set,
    };
  const apart = `Redis's clock is ${formatDuration(Math.round(Math.abs(ahead)))} ${ahead < 0 ? 'behind' : 'ahead of'} this machine's`;
  if (Math.abs(ahead) <= CLOCKS_APART) return { check, status: 'ok', what: apart };
  return {
    check,
    status: 'mend',
    what: apart,
    why: 'the group goes by no clock but Redis’s; but the times of dead letters and gaps are not those of the log',
    cures: set,
  };
}

/** Whether Redis answers soon enough for the lease. */
export function latencyOf({ latency: { median, p99 } }: Facts, { lease }: Pick<Settings, 'lease'>): Finding {
  const check = 'latency';
  const what = `PING takes ${median.toFixed(1)} ms, ${p99.toFixed(1)} ms at most in 99 of 100`;
  if (p99 * TRIPS_IN_LEASE <= lease) return { check, status: 'ok', what };
  const enough = Math.ceil((p99 * TRIPS_IN_LEASE) / 1_000);
  return {
    check,
    status: 'mend',
    what,
    why: `with a lease of ${formatDuration(lease)} a slow answer makes the lead change hands for nothing`,
    cures: [redis('SLOWLOG', 'GET', '10'), shell('cgroup', 'start', '--lease', `${enough}s`)],
  };
}

/** Keys of the group that hold something else. */
export function keysOfGroup({ wrongKeys }: Facts): Finding {
  const check = 'keys';
  if (wrongKeys.length === 0)
    return { check, status: 'ok', what: 'nothing foreign under the names of the group' };
  return {
    check,
    status: 'mend',
    what: wrongKeys
      .map(({ key, found, expected }) => `${key} holds a ${found}, not a ${expected}`)
      .join('; '),
    why: 'the group does not start, so as not to spoil it',
    cures: wrongKeys.map(({ key }) => redis('RENAME', key, `${key}:old`)),
  };
}

/** Whether the output is that of this channel and this Redis group. */
export function ownerOf({ owner }: Facts, names: Pick<Settings, 'channel' | 'group' | 'output'>): Finding {
  const check = 'owner';
  const { channel = names.channel, group } = owner ?? names;
  if (channel === names.channel && group === names.group)
    return {
      check,
      status: 'ok',
      what: owner ? `channel ${channel}, group ${group}` : 'no group has run here yet',
    };
  return {
    check,
    status: 'mend',
    what: `the output ${names.output} belongs to the channel ${channel} and the group ${group}`,
    why: 'two groups on one output mix their results',
    cures: [shell('cgroup', 'doctor', '--output', names.output, '--channel', channel, '--group', group)],
  };
}

/** Who else hears the channel. */
export function othersOf({ channel, bridges, others }: Facts, names: Pick<Settings, 'channel'>): Finding[] {
  const check = 'other groups';
  const findings: Finding[] = [];
  const same = (others ?? []).filter((other) => other.channel === names.channel);
  if (same.length > 0)
    findings.push({
      check,
      status: 'note',
      what: `other groups read the same channel, into ${same.map(({ output }) => output).join(', ')}`,
      why: 'each group processes every message: if that is not meant, stop one',
      cures: same.map(({ output }) => shell('cgroup', 'status', '--output', output)),
    });
  const unknown = (others ?? []).filter((other) => other.channel === undefined);
  if (unknown.length > 0)
    findings.push({
      check,
      status: 'note',
      what: `other groups run here, and what they read cannot be seen: ${unknown.map(({ output }) => output).join(', ')}`,
    });
  const rest = (channel?.subscribers ?? 0) - (bridges ?? 0) - same.length;
  if (findings.length === 0 && rest > 0)
    findings.push({
      check,
      status: 'note',
      what: `${rest} more subscriber${rest === 1 ? '' : 's'} on the channel`,
      why: 'these receive every message too: a plain subscriber that does the same work does it twice',
      cures: [redis('CLIENT', 'LIST', 'TYPE', 'pubsub')],
    });
  if (findings.length > 0) return findings;
  if (others === undefined) return [{ check, status: 'note', what: 'cannot be told: this user may not ask' }];
  return [{ check, status: 'ok', what: 'nobody else hears the channel' }];
}

/** Whether anybody relays, and whether anybody could take over. */
export function bridgesOf({ bridges, live }: Facts): Finding {
  const check = 'bridges';
  const start = [shell('cgroup', 'start')];
  if (bridges === undefined) return { check, status: 'note', what: 'cannot be told: this user may not ask' };
  if (bridges === 0 && live)
    return {
      check,
      status: 'mend',
      what: `no bridge is subscribed, though ${live} consumers run`,
      why: 'what is published now is lost',
      cures: start,
    };
  if (bridges === 0) return { check, status: 'note', what: 'no process of this group runs', cures: start };
  if (bridges === 1)
    return {
      check,
      status: 'note',
      what: 'one bridge is subscribed',
      why: 'what is published while its process restarts is missed: with a second process nothing is',
      cures: start,
    };
  return { check, status: 'ok', what: `${bridges} bridges are subscribed` };
}

/** Messages with nobody to process them. */
export function consumersOf(
  { live, orphans, backlog }: Facts,
  { claimAfter }: Pick<Settings, 'claimAfter'>,
): Finding {
  const check = 'consumers';
  const stuck = orphans.filter((orphan) => isStuck(orphan, live, claimAfter));
  const held = stuck.reduce((sum, { pending }) => sum + pending, 0);
  if (stuck.length > 0)
    return {
      check,
      status: 'mend',
      what: `${held} message${held === 1 ? ' lies' : 's lie'} with consumers that are gone: ${stuck.map(({ id }) => id).join(', ')}`,
      why: live
        ? 'the consumers that run have not taken them over: they are stuck, or have no room'
        : 'they are processed as soon as a process runs; XGROUP DELCONSUMER would lose them',
      cures: [shell('cgroup', 'start')],
    };
  if (!live && backlog)
    return {
      check,
      status: 'mend',
      what: `${backlog} message${backlog === 1 ? ' waits' : 's wait'}, and no consumer runs`,
      why: 'nothing is processed',
      cures: [shell('cgroup', 'start')],
    };
  return {
    check,
    status: 'ok',
    what: live ? `${live} consumers run, none is orphaned` : 'none run, nothing waits',
  };
}

/** Where others live, they take over what is not waiting for a retry; that may take the longest wait. */
function isStuck({ idle }: OrphanFacts, live: number | undefined, claimAfter: number): boolean {
  return idle > (live ? claimAfter + LONGEST_WAIT + PATIENCE : claimAfter);
}
