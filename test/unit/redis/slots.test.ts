import slotOf from 'cluster-key-slot';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PulledSource } from '../../../src/core/source.js';
import { keysOf, registryKeysOf } from '../../../src/redis/keys.js';
import type { Connection } from '../../../src/redis/protocol/connection.js';
import { oldNameOf, refuseElsewhere, sourceInSlot } from '../../../src/redis/slots.js';
import { settingsSchema } from '../../../src/settings/schema.js';
import { everyScript } from '../../helpers/scripts.js';
import { commandsOfScripts, commandsOfStores } from '../../helpers/sources.js';

const { redis, output, consumerList } = settingsSchema.parse({});
const keys = { ...keysOf({ redis, output, consumerList }), source: `orders:{${output}}` };
/** A connection to the slot of the output. */
const group = { serves: (key: string) => slotOf(key) === slotOf(output) } as Connection;

/** Commands of Redis that take several keys, or could. */
const WITH_SEVERAL_KEYS = [
  ...[
    'BITOP',
    'BLMOVE',
    'BLMPOP',
    'BLPOP',
    'BRPOP',
    'BRPOPLPUSH',
    'COPY',
    'DEL',
    'EXISTS',
    'GEORADIUS',
    'LMOVE',
  ],
  ...['LMPOP', 'MGET', 'MIGRATE', 'MSET', 'MSETNX', 'PFCOUNT', 'PFMERGE', 'RENAME', 'RENAMENX', 'RPOPLPUSH'],
  ...[
    'SDIFF',
    'SDIFFSTORE',
    'SINTER',
    'SINTERSTORE',
    'SMOVE',
    'SORT',
    'SUNION',
    'SUNIONSTORE',
    'TOUCH',
    'UNLINK',
  ],
  ...['WATCH', 'XREAD', 'XREADGROUP', 'ZDIFF', 'ZINTER', 'ZRANGESTORE', 'ZUNION', 'ZUNIONSTORE'],
];

describe('the hash slots of a group', () => {
  it('are two: that of the output and that of the list of consumers', () => {
    const { source: _source, ...own } = keys;
    const registry = registryKeysOf(own);
    for (const key of Object.values(own))
      expect(slotOf(key)).toBe(slotOf(registry.includes(key) ? consumerList : output));
    expect(slotOf(output)).not.toBe(slotOf(consumerList));
  });

  it.each(everyScript)('hold all keys of the script %s in one of them', (_name, script) => {
    expect(new Set(script.keys.map((name) => slotOf(keys[name]))).size).toBeLessThanOrEqual(1);
  });

  it('are not mixed by a command: each that takes several keys gets those of one slot', () => {
    const several = (commands: readonly string[]) =>
      [...new Set(commands)].filter((name) => WITH_SEVERAL_KEYS.includes(name)).sort();
    // BLMOVE: from a list to itself. XREAD: one stream. XREADGROUP: the inbox, the packs, or both.
    expect(several(commandsOfStores())).toEqual(['BLMOVE', 'XREAD', 'XREADGROUP']);
    // Of the keys of a script.
    expect(several([...commandsOfScripts().values()].flat())).toEqual(['DEL', 'RENAMENX', 'XREAD']);
  });
});

describe('a list or a stream', () => {
  const list: PulledSource = { kind: 'list', name: 'orders', from: 'right' };

  it('is refused in another slot than that of the output, with a name that is in it', () => {
    expect(() => refuseElsewhere(group, list, output)).toThrow(
      expect.objectContaining({
        code: 'SETTINGS',
        problems: [
          {
            setting: 'list',
            message:
              'the list orders lies in another hash slot of the Cluster than the output messages:processed, and one script ' +
              "works on both: give it a name with the output in braces, such as --list 'orders:{messages:processed}'",
          },
        ],
      }),
    );
    refuseElsewhere(group, { ...list, name: 'orders:{messages:processed}' }, output);
    refuseElsewhere(group, { kind: 'channel', name: 'orders' }, output);
  });

  it('has a name in the slot of the output, whatever its own name is', () => {
    const name = fc.string({ minLength: 1 });
    const ofOutput = fc.stringMatching(/^[^{}]+$/);
    fc.assert(
      fc.property(name, ofOutput, (source, out) => {
        expect(slotOf(sourceInSlot({ ...list, name: source }, out).name)).toBe(slotOf(out));
      }),
    );
  });
});

it('a key is moved to a name in the same slot, on a Cluster', () => {
  for (const key of ['orders', 'orders:{a}', 'cgroup:{out}:inbox', 'ev{en}ts']) {
    expect(slotOf(oldNameOf(key, true))).toBe(slotOf(key));
    expect(oldNameOf(key, false)).toBe(`${key}:old`);
  }
});
