import { padTo, widthOf } from '../width.js';

const BARS = '▁▂▃▄▅▆▇█';
/** Fewer columns show no course. */
const LEAST_WIDTH = 3;

/** The last values as bars, from 0 to the highest of them; '' without room, or with less than two numbers. */
export function sparkline(values: readonly number[], width: number): string {
  const last = lastOf(values, width);
  const known = last.filter((value) => !Number.isNaN(value));
  if (known.length < 2) return '';
  const highest = Math.max(1, ...known);
  const bar = (value: number) => BARS[Math.max(0, Math.ceil((value / highest) * BARS.length) - 1)] ?? ' ';
  return last.map(bar).join('');
}

/** Values and how to write the highest of them. */
export interface Course {
  readonly values: readonly number[];
  readonly text: (peak: number) => string;
}

/**
 * Several courses over the same time, one below the other, each with its peak beside it. They take the whole width, the newest value
 * at the right, and show what fits; a course without two numbers is ''.
 */
export function courseTexts(courses: readonly Course[], width: number): string[] {
  const peakOf = ({ values, text }: Course, room: number) => {
    const known = lastOf(values, room).filter((value) => !Number.isNaN(value));
    return known.length < 2 ? '' : `peak ${text(Math.max(...known))}`;
  };
  const longest = Math.max(0, ...courses.map((one) => widthOf(peakOf(one, Number.POSITIVE_INFINITY))));
  const room = width - longest - 2;
  if (room < LEAST_WIDTH)
    return courses.map((one) => (peakOf(one, width).length <= width ? peakOf(one, width) : ''));
  return courses.map((one) => {
    const bars = sparkline(one.values, room);
    if (bars === '') return '';
    const filled = Number.isFinite(room) ? padTo(bars, room, true) : bars;
    return `${filled}  ${peakOf(one, room)}`;
  });
}

function lastOf(values: readonly number[], width: number): readonly number[] {
  return width > 0 ? values.slice(-width) : [];
}
