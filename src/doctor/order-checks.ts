import { type CheckState, shell } from '../core/finding.js';
import { aboutText, plural } from '../core/words.js';
import { shortened } from '../log/printable.js';
import type { DoctorFacts } from '../redis/doctor-facts.js';
import type { WaitingKey } from '../redis/scripts/keyed.js';

/** ms: results that wait longer for one message are not in a queue, but stuck. */
const STUCK = 30_000;
/** Characters of a key in a finding. */
const KEY_WIDTH = 60;

/** Whether an order waits for dead letters. */
export function haltedOf({ halted }: DoctorFacts): CheckState[] {
  const dead = (halted ?? []).filter(({ deadId }) => deadId !== '');
  const [first] = dead;
  if (!first) return [];
  const keys = dead.flatMap(({ key }) => key ?? []);
  const waiting =
    keys.length < dead.length
      ? 'all results after it wait'
      : `the messages of ${plural(keys.length, 'key')} wait`;
  return [
    {
      status: 'mend',
      what: `the order waits for ${plural(dead.length, 'dead letter')} (onDead halt)`,
      why: `${waiting}: fix the cause and send it back, or go on without the message`,
      fixes: [shell('cgroup', 'dead', 'retry', first.deadId), shell('cgroup', 'dead', 'skip', first.deadId)],
    },
  ];
}

/** Whether results, or messages of a key, wait for a message that does not end. */
export function orderOf({ order }: Pick<DoctorFacts, 'order'>): CheckState[] {
  if (!order || (order.kind === 'none' && order.parked === 0)) return [];
  const { head, parked, kind, stuck } = order;
  if (kind === 'none')
    return [
      {
        status: 'mend',
        what: `${plural(parked, 'result waits', 'results wait')} for a total order that no process asks for`,
        why: 'they go out when a process starts',
        fixes: [shell('cgroup', 'start')],
      },
    ];
  if (stuck) return [stuckIn(stuck)];
  if (!head || head.ageMs <= STUCK) return [{ status: 'ok', what: `order ${kind}: nothing is stuck` }];
  return [
    {
      status: 'mend',
      what: `${plural(parked, 'result waits', 'results wait')} for message ${head.inboxId}, for ${aboutText(head.ageMs)}`,
      why: 'nothing leaves before it: see which consumer has it, or why it waits for its next attempt',
      fixes: [shell('cgroup', 'status')],
    },
  ];
}

function stuckIn({ key, held, inboxId, consumerId, attempt, ageMs }: WaitingKey): CheckState {
  const waiting = `${plural(held, 'message waits', 'messages wait')} for message ${inboxId}`;
  const holder = consumerId === null ? '' : ` (attempt ${attempt}, with ${consumerId})`;
  return {
    status: 'mend',
    what: `the key ${shortened(key, KEY_WIDTH)} is stuck: ${waiting}, for ${aboutText(ageMs)}${holder}`,
    why: 'no other message of the key is processed before it: see why its attempts fail, or do not end',
    fixes: [shell('cgroup', 'status')],
  };
}
