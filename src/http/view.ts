import { CgroupError } from '../core/errors.js';
import type { Source } from '../core/source.js';
import type { ProcessStats } from '../observe/process-stats.js';
import type { GroupInspector } from '../redis/group-inspector.js';

/** What the server sees of the group in its process. It changes nothing but what an action asks for, through the inspector. */
export interface GroupView {
  readonly group: string;
  /** This process. */
  readonly process: { readonly process: string; readonly host: string };
  /** Whether clients may act on the group. */
  readonly actions: boolean;
  /** Where the messages come from. */
  readonly source: Source;
  readonly output: string;
  readonly stats: ProcessStats;
  /** Reads the group; undefined until it is connected, and after it has stopped. */
  readonly inspector: GroupInspector | undefined;
  readonly state: 'starting' | 'running' | 'stopping';
  /** Whether the connection on which the consumers write is up. */
  readonly connected: boolean;
  /** The bridge of this process, if it runs one. */
  readonly bridge: BridgeView | undefined;
  /** ms since which it could take nothing from its list or stream; 0 if it can, or has a bridge. */
  readonly pullFailingFor: number;
  /** ms since a heartbeat last reached Redis; undefined if none has. */
  readonly beatAge: number | undefined;
  /** Consumers that may begin attempts; 0 while the group is paused. */
  readonly activeConsumers: number;
  /** Of its consumers, those whose processor cannot run for now. */
  readonly stalledConsumers: number;
  /** Remote workers that are connected; undefined if the processor of the process is another. */
  readonly workers: number | undefined;
  /** Whether the system of record takes no rows for now; undefined if there is none besides Redis. */
  readonly recordAway: boolean | undefined;
  /** ms between two heartbeats. */
  readonly heartbeat: number;
  /** ms that an attempt may take. */
  readonly timeout: number;
}

interface BridgeView {
  readonly leads: boolean;
  /** It leads, follows, or waits for a seat. */
  readonly inStep: boolean;
  /** Messages received and not yet known to be relayed. */
  readonly buffered: number;
}

/** @throws {CgroupError} STATE while the group is not connected */
export function inspectorOf({ inspector }: GroupView): GroupInspector {
  if (!inspector) throw new CgroupError('STATE', 'the group is not connected yet');
  return inspector;
}
