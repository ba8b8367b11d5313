import { readFileSync } from 'node:fs';

/** Every change of a group's state is one of these scripts: src/redis/lua/NAME.lua says what is atomic in it. */
const KEY_COUNTS = {
  prepare: 8,
  mark: 1,
  take: 1,
  relay: 4,
  release: 1,
  commit: 5,
  retry: 3,
  bury: 4,
  begin: 1,
  renew: 2,
  reclaim: 3,
  due: 3,
  leave: 3,
  sweep: 2,
  beat: 3,
  snapshot: 7,
  totals: 5,
  orphans: 2,
  letters: 1,
  revive: 3,
  purge: 2,
  publish: 0,
} as const;

export type ScriptName = keyof typeof KEY_COUNTS;

export interface Script {
  readonly lua: string;
  readonly numberOfKeys: number;
}

function read(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}

let loaded: Readonly<Record<ScriptName, Script>> | undefined;

/** All scripts, read from their files once. */
export function scripts(): Readonly<Record<ScriptName, Script>> {
  if (!loaded) {
    const common = read('common');
    const entries = Object.entries(KEY_COUNTS).map(([name, numberOfKeys]) => [
      name,
      { lua: `${common}\n${read(name)}`, numberOfKeys },
    ]);
    loaded = Object.fromEntries(entries) as Record<ScriptName, Script>;
  }
  return loaded;
}
