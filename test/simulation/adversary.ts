import { markText } from '../helpers/marks.js';
import type { Random } from './random.js';
import type { RedisModel } from './redis.js';

/** What a client publishes on the channel of marks that may listen there, but knows no secret. */
export function spoofedMark(random: Random, redis: RedisModel): string {
  const { marks } = redis;
  const newest = marks.at(-1) ?? '';
  const [number = '', proof = ''] = newest.split(' ');
  switch (random.whole(0, 6)) {
    case 0:
      return newest;
    case 1:
      return marks[random.whole(0, Math.max(0, marks.length - 1))] ?? '';
    case 2:
      return `${Number(number) + random.whole(1, 1_000)} ${proof}`;
    case 3:
      return markText(Number(number) + random.whole(1, 100), 'a guess');
    case 4:
      return '9'.repeat(random.whole(1, 400));
    case 5:
      return `${Number(number) + random.whole(1, 3_600_000)} ${random.whole(1, 1_000)} 7 2 ${number} 5 rogue#1`;
    default:
      return `${random.whole(1, 9)} 1 1 1   `;
  }
}
