import { type CheckState, redis, shell, unseen } from '../core/finding.js';
import { sourceFlags, sourceText } from '../core/source.js';
import { plural } from '../core/words.js';
import type { DoctorFacts } from '../redis/doctor-facts.js';

/** Whether messages can be taken from the list or stream, and a process takes them; nothing with a channel. */
export function sourceChecks({
  pulled,
  control,
  live,
}: Pick<DoctorFacts, 'pulled' | 'control' | 'live'>): CheckState[] {
  if (!pulled) return [];
  const { source, type, waiting } = pulled;
  const text = sourceText(source);
  if (type === undefined) return [unseen(`TYPE of ${source.name}`)];
  if (type !== 'none' && type !== source.kind)
    return [
      {
        status: 'mend',
        what: `${source.name} holds a ${type}, not a ${source.kind}`,
        why: 'nothing is taken from it, to leave that data as it is',
        fixes: [redis('RENAME', source.name, `${source.name}:old`)],
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
