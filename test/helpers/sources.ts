import { readdirSync, readFileSync } from 'node:fs';
import { SHARED_LUA } from '../../src/redis/protocol/script.js';

const REDIS = new URL('../../src/redis/', import.meta.url);

/** Commands whose second word is a part of their name. */
const CONTAINERS = ['CLIENT', 'CLUSTER', 'CONFIG', 'PUBSUB', 'XGROUP', 'XINFO'];

function commandsIn(text: string, calls: readonly RegExp[]): string[] {
  return calls.flatMap((call) =>
    [...text.matchAll(call)].map(([, command = '', sub]) =>
      CONTAINERS.includes(command) && sub ? `${command}|${sub}` : command,
    ),
  );
}

function textsIn(folder: URL, ending: string): [name: string, text: string][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => [name.slice(0, -ending.length), readFileSync(new URL(name, folder), 'utf8')]);
}

const CALLS = [
  /redis\.p?call\('([A-Z]+)'(?:, [\w[\]]+)?(?:, )?(?:'([A-Z]+)')?/g,
  /call_with_ids\(\w+, '([A-Z]+)'/g,
  /local command = \{ '([A-Z]+)'/g,
];

/** The commands of each script, those of the common functions that it calls included; a subcommand after a bar. */
export function commandsOfScripts(): ReadonlyMap<string, readonly string[]> {
  const texts = new Map(textsIn(new URL('lua/', REDIS), '.lua'));
  const shared = SHARED_LUA.map((name) => texts.get(name)).join('\n');
  const functions = [...shared.matchAll(/^local function (\w+)\(.*?^end$/gms)];
  return new Map(
    [...texts].map(([name, text]) => {
      const called = functions.filter(([, common]) => text.includes(`${common}(`)).map(([body]) => body);
      return [name, commandsIn([text, ...called].join('\n'), CALLS)];
    }),
  );
}

/** The commands that the stores send by name, likewise; without what only Sentinels get. */
export function commandsOfStores(): string[] {
  const calls = [/(?:call(?:Buffer)?|#send|#timed)\(\s*'([A-Z]+)'(?:,\s*'([A-Z]+)')?/g];
  return textsIn(REDIS, '.ts')
    .flatMap(([, text]) => commandsIn(text, calls))
    .filter((name) => name !== 'SENTINEL');
}
