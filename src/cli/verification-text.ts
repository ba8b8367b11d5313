import type { Examples } from '../verify/differences.js';
import type { Verification } from '../verify/verify.js';
import { columns } from './table.js';

/** A verification as a person reads it: a table, a verdict, and what each difference means. */
export function verificationText(result: Verification): string {
  const { relayed, processed, dead, backlog, ledger, lost, doubled, unexpected } = result;
  const rows = Object.entries({ relayed, processed, dead, backlog, ledger, lost, doubled, unexpected });
  const table = columns(rows.filter(([, number]) => number !== null).map((row) => row.map(String)));
  return [table, verdict(result), ...findings(result), ...remarks(result)].join('\n\n');
}

function verdict(result: Verification): string {
  const { ok, relayed, processed, dead, backlog, lost, doubled, unexpected, untraceable } = result;
  const sum = `${relayed} relayed = ${processed} processed + ${dead} dead + ${backlog} backlog`;
  const untraced = untraceable > 0 ? `; ${untraceable} of the ledger's ids cannot be traced` : '';
  if (ok && relayed === 0) return 'nothing was ever relayed';
  if (ok) return `${backlog > 0 ? 'so far ' : ''}every message once${untraced}: ${sum}`;
  const found = Object.entries({ lost, doubled, unexpected }).filter(([, count]) => count > 0);
  return `NOT every message once: ${found.map(([kind, count]) => `${count} ${kind}`).join(', ')}`;
}

function findings(result: Verification): string[] {
  const { lost, doubled, unexpected, examples } = result;
  return [
    finding('lost', lost, whyLost(result), examples),
    finding('doubled', doubled, whyDoubled(result), examples),
    finding('unexpected', unexpected, whyUnexpected(result), examples),
  ].filter((text) => text !== '');
}

function finding(kind: keyof Examples, count: number, why: readonly string[], examples: Examples): string {
  if (count === 0) return '';
  const ids = examples[kind];
  const more = ids.length > 0 && ids.length < count ? ['…'] : [];
  return [`${kind}:`, ...why, ...[...ids, ...more].map((id) => `  ${id}`)].join('\n  ');
}

function whyLost({ byCounters, byLedger, lostInGaps }: Verification): string[] {
  const why: string[] = [];
  if (byCounters.lost > 0)
    why.push(
      `${byCounters.lost} were relayed and left neither a result nor a dead letter: somebody else deletes ` +
        'from the keys of the group (XDEL, XTRIM, DEL); to keep the output short, set outputMaxLen instead',
    );
  if (lostInGaps > 0)
    why.push(
      `${lostInGaps} were published in a gap that the group has recorded, or before it, where Redis lost its data; ` +
        'cgroup status shows when and why: against no bridge being connected run cgroup start in two processes or ' +
        'more, against a Redis that forgets turn on its appendonly',
    );
  const unexplained = (byLedger?.lost ?? 0) - lostInGaps - byCounters.lost;
  if (unexplained > 0)
    why.push(
      `${unexplained} are in the ledger and nowhere else, and no gap is recorded for them: was it written ` +
        'on this channel, and has the group run since? Else this is a defect of cgroup: please report it',
    );
  return why;
}

function whyDoubled({ byCounters }: Verification): string[] {
  if (byCounters.doubled > 0)
    return [
      'messages have more than one result or dead letter: ' +
        'somebody copied entries, or this is a defect of cgroup: please report it',
    ];
  return [
    'ids have more results or dead letters than the ledger lists: ' +
      'the publisher sent them again, or not all ledgers were given (--ledger may be repeated)',
  ];
}

function whyUnexpected({ byCounters, byLedger }: Verification): string[] {
  const why: string[] = [];
  if (byCounters.unexpected > 0)
    why.push(
      'the streams hold more than the counters say: ' +
        'somebody else writes to the keys of the group; give it an --output of its own',
    );
  if ((byLedger?.unexpected ?? 0) > byCounters.unexpected)
    why.push(
      'there are results of messages that no ledger lists: ' +
        'others publish too, or did before; give all ledgers (--ledger may be repeated)',
    );
  return why;
}

/** What is no difference, but good to know. */
function remarks({ backlog, trimmed, purged, untraceable, gaps, ledger }: Verification): string[] {
  const remarks: string[] = [];
  if (backlog > 0)
    remarks.push(
      `${backlog} messages are not settled yet: verify again when they are (cgroup status shows the backlog)`,
    );
  const gone: string[] = [];
  if (trimmed > 0) gone.push(`${trimmed} results were trimmed`);
  if (purged > 0) gone.push(`${purged} dead letters were purged`);
  if (ledger !== null && gone.length > 0)
    remarks.push(
      `${gone.join(' and ')}: the ledger cannot be held fully against the rest; ` +
        `${untraceable} of its ids were not found and may be among them`,
    );
  if (ledger === null && gaps > 0)
    remarks.push(
      `messages may have been missed ${gaps === 1 ? 'once' : `${gaps} times`} (gaps, see cgroup status): only a ledger can tell which`,
    );
  return remarks;
}
