import { CgroupError } from './errors.js';

/** Numbers of a group, and the outputs of lanes that are missing in them, because they are away. */
interface Summed {
  readonly awayLanes?: readonly string[];
}

/** Whether the numbers of a group leave lanes out. */
export function isPartial({ awayLanes = [] }: Summed): boolean {
  return awayLanes.length > 0;
}

/**
 * The same numbers, if they are those of all lanes.
 *
 * @throws {CgroupError} REDIS_UNREACHABLE if some are away
 */
export function wholeOf<Numbers extends Summed>(numbers: Numbers): Numbers {
  const { awayLanes = [] } = numbers;
  if (awayLanes.length === 0) return numbers;
  throw new CgroupError(
    'REDIS_UNREACHABLE',
    `the node of ${awayLanes.join(', ')} does not answer, and this needs all lanes`,
  );
}
