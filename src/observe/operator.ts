import { hostname, userInfo } from 'node:os';

/** Who runs this process: `user@host`. */
export function operator(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no entry in its list of users.
    return process.env.USER || `uid-${process.getuid?.() ?? 'unknown'}`;
  }
}
