/** A count with its noun: `1 message`, `3 messages`. An irregular plural is the third argument. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
