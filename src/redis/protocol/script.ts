import { createHash } from 'node:crypto';
import { ownFile } from '../../core/own-files.js';
import type { ListArguments } from '../../core/packed.js';
import type { Keys } from '../keys.js';

/** A value of a command's or script's argument. */
export type Argument = string | number | Buffer;

/** The keys that scripts work on: those of the group, and the list or stream that its messages come from. */
export interface ScriptKeys extends Keys {
  readonly source: string;
}

/** A Lua script: the keys that it works on, how its options become arguments, and what its reply means. */
export interface Script<Key extends keyof ScriptKeys, Options, Reply> {
  /** Its text is src/redis/lua/NAME.lua, whose head says what is atomic and why. */
  readonly name: string;
  /** The names of its keys, in the order of KEYS. */
  readonly keys: readonly Key[];
  /** Whether it runs for each batch of messages: then it is sent past ioredis. */
  readonly often?: boolean;
  /**
   * Of a script whose writes must outlive a fail-over: whether replicas are to be waited for, if that is asked (minReplicas). Yes also
   * if the same call may have written before, and its reply was lost.
   */
  readonly lasting?: (reply: Reply) => boolean;
  /** Whether texts in its reply are bytes. */
  readonly bytes?: boolean;
  /** Its arguments: the options, then the pieces of a list if it has one. */
  readonly encode: (options: Options) => readonly Argument[];
  readonly decode: (reply: unknown) => Reply;
}

/** For scripts that settle: what they find settled may have been settled by the same call, whose reply was lost. */
export const settles = (): boolean => true;

/** Declares a script. `Raw` is the reply as Redis gives it. */
export function defineScript<const Key extends keyof ScriptKeys, Options, Raw, Reply>(
  script: Omit<Script<Key, Options, Reply>, 'decode'> & { readonly decode: (reply: Raw) => Reply },
): Script<Key, Options, Reply> {
  return { ...script, decode: (reply) => script.decode(reply as Raw) };
}

/**
 * The options of a script, its first argument: JSON. Numbers are texts, because numbers of Lua are doubles. What is undefined is
 * left out. No text may hold half a surrogate pair, which Lua's cjson refuses.
 */
export function packOptions<Options extends object>(options: Options): Argument[] {
  return [JSON.stringify(options, (_name, value) => (typeof value === 'number' ? String(value) : value))];
}

/** The options of a script and its list. */
export function packWithList(options: object, { large, args }: ListArguments): Argument[] {
  return [...packOptions({ ...options, large }), ...args];
}

const texts = new Map<string, string>();

/** The files in src/redis/lua that are no scripts: `common` is a part of each, the others of those whose head names them. */
export const SHARED_LUA: readonly string[] = [
  'append',
  'backlog',
  'checked',
  'common',
  'control-state',
  'front',
  'halts',
  'hold',
  'keyed',
  'letters',
  'output-list',
  'pack-counts',
  'packs',
  'pulling',
  'recorded',
  'runs',
  'shares',
  'sink',
  'total',
  'watched',
];

/** The text of a script, the shared parts first; read from its file once. */
export function luaOf(name: string): string {
  const text = texts.get(name) ?? joined(read(name));
  texts.set(name, text);
  return text;
}

/** The names that Redis gives to scripts: SHA-1 of their texts. */
const shas = new Map<string, string>();

/** The first arguments of a call of a script that Redis knows (https://redis.io/docs/latest/commands/evalsha/). */
export function callOf(name: string): Argument[] {
  const sha = shas.get(name) ?? createHash('sha1').update(luaOf(name)).digest('hex');
  shas.set(name, sha);
  return ['EVALSHA', sha];
}

/** The same with its text, for a Redis that does not know it yet. */
export function sourceCallOf(name: string): Argument[] {
  return ['EVAL', luaOf(name)];
}

/** A script pays for each function in front of it, with each call: so only those that it uses. */
function joined(script: string): string {
  const [, uses = ''] = /^-- USES (.*)$/m.exec(script) ?? [];
  return ['common', ...uses.split(' ').filter((part) => part !== '')].map(read).concat(script).join('\n');
}

function read(name: string): string {
  return ownFile(`redis/lua/${name}.lua`).toString();
}
