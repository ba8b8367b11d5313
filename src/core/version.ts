import { readFileSync } from 'node:fs';

let version: string | undefined;

/** The version of cgroup: `0.1.0`. Reads package.json once. */
export function ownVersion(): string {
  version ??= String(
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
  );
  return version;
}
