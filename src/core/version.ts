import { ownFile } from './own-files.js';

let version: string | undefined;

/** The version of cgroup: `0.1.0`. Reads package.json once. */
export function ownVersion(): string {
  version ??= String(JSON.parse(ownFile('../package.json').toString()).version);
  return version;
}
