/** A warning about a channel that is named like a pattern of PSUBSCRIBE; undefined for all other names. */
export function patternHint(channel: string): string | undefined {
  if (!/[*?[]/.test(channel)) return undefined;
  return (
    `the channel ${channel} is taken as it is written, not as a pattern: messages on channels that only match it do ` +
    'not reach the group; let the publishers use one channel, or run a group for each (--channel with its own --output)'
  );
}
