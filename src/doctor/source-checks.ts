import { type CheckState, redis, shell, unseen } from '../core/finding.js';
import { sourceFlags, sourceText } from '../core/source.js';
import { plural } from '../core/words.js';
import type { DoctorFacts } from '../redis/doctor-facts.js';
import { oldNameOf, sourceInSlot } from '../redis/slots.js';
import type { Settings } from '../settings/settings.js';

/** Whether messages can be taken from the list or stream, and a process takes them; nothing with a channel. */
export function sourceChecks(
  { pulled, control, live, server }: Pick<DoctorFacts, 'pulled' | 'control' | 'live' | 'server'>,
  { output }: Pick<Settings, 'output'>,
): CheckState[] {
  if (!pulled) return [];
  const { source, reachable, type, waiting } = pulled;
  const text = sourceText(source);
  if (!reachable)
    return [
      {
        status: 'mend',
        what: `the ${source.kind} ${source.name} lies in another hash slot of the Cluster than the output ${output}`,
        why: 'one script works on both, so the group does not start: give it a name with the output in braces',
        fixes: [shell('cgroup', 'start', ...sourceFlags(sourceInSlot(source, output)))],
      },
    ];
  if (type === undefined) return [unseen(`TYPE of ${source.name}`)];
  if (type !== 'none' && type !== source.kind)
    return [
      {
        status: 'mend',
        what: `${source.name} holds a ${type}, not a ${source.kind}`,
        why: 'nothing is taken from it, to leave that data as it is',
        fixes: [redis('RENAME', source.name, oldNameOf(source.name, server?.cluster === true))],
      },
    ];
  const processes = control?.processes ?? [];
  const pulling = processes.filter(({ pulls }) => pulls).length;
  const start = [shell('cgroup', 'start', ...sourceFlags(source))];
  if (control && pulling === 0)
    return [
      {
        // A group that does not run at all lacks nothing.
        status: live ? 'mend' : 'note',
        what: `no process takes messages from the ${text}${waiting ? `, where ${plural(waiting, 'message waits', 'messages wait')}` : ''}`,
        why: 'they stay there until one runs whose bridge is not off',
        fixes: start,
      },
    ];
  const there =
    type === 'none'
      ? 'empty or not there yet'
      : waiting === undefined
        ? 'how much waits is not known'
        : `${plural(waiting, 'message waits', 'messages wait')} in it`;
  const by = control ? `, ${plural(pulling, 'process takes', 'processes take')} from it` : '';
  return [{ status: 'ok', what: `${text}: ${there}${by}` }];
}
