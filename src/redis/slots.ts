import { SettingsError } from '../core/errors.js';
import { hashTagOf } from '../core/hash-tag.js';
import { type PulledSource, type Source, sourceFlags } from '../core/source.js';
import type { Connection } from './protocol/connection.js';

/**
 * Whether the scripts of a group can reach its list or stream: on a Cluster it has to lie in the hash slot of the output, where
 * the rest of their keys are.
 *
 * @param group a connection to that slot
 */
export function reaches(group: Connection, source: Source): boolean {
  return source.kind === 'channel' || group.serves(source.name);
}

/** The same source under a name that lies in the slot of the output. */
export function sourceInSlot(source: PulledSource, output: string): PulledSource {
  // Redis takes what stands between the first braces for the whole name.
  return { ...source, name: `${source.name.replace(/[{}]/g, '')}:{${output}}` };
}

/** Another name for a key, to which RENAME can move it: on a Cluster in the same slot. */
export function oldNameOf(key: string, isCluster: boolean): string {
  return isCluster && hashTagOf(key) === key ? `{${key}}:old` : `${key}:old`;
}

/** @throws {SettingsError} for a list or a stream that the scripts of the group cannot reach */
export function refuseElsewhere(group: Connection, source: Source, output: string): void {
  if (source.kind === 'channel' || reaches(group, source)) return;
  const [flag, name] = sourceFlags(sourceInSlot(source, output));
  throw new SettingsError([
    {
      setting: source.kind,
      message:
        `the ${source.kind} ${source.name} lies in another hash slot of the Cluster than the output ${output}, and one script ` +
        `works on both: give it a name with the output in braces, such as ${flag} '${name}'`,
    },
  ]);
}
