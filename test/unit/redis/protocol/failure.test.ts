import { describe, expect, it } from 'vitest';
import { CgroupError } from '../../../../src/core/errors.js';
import {
  failureOf,
  QUESTIONS,
  RefusedError,
  withoutCommand,
} from '../../../../src/redis/protocol/failure.js';
import { SHARED_LUA } from '../../../../src/redis/protocol/script.js';
import { commandsOfScripts, commandsOfStores } from '../../../helpers/sources.js';

/** An error reply, as ioredis rejects with it. */
function reply(message: string): Error {
  const error = new Error(message);
  error.name = 'ReplyError';
  return error;
}

describe('an error reply', () => {
  it.each([
    ["NOGROUP No such key 'inbox' or consumer group 'cgroup'", 'NOGROUP', 'NO_GROUP'],
    ['UNBLOCKED the stream key no longer exists', 'UNBLOCKED', 'NO_GROUP'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'WRONGTYPE', 'KEY_TYPE'],
    ['KEYTYPE inbox holds a list, not a stream', 'KEYTYPE', 'KEY_TYPE'],
    ["READONLY You can't write against a read only replica.", 'READONLY', 'REDIS_REFUSED'],
    ['LOADING Redis is loading the dataset in memory', 'LOADING', 'REDIS_REFUSED'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM', 'REDIS_REFUSED'],
    ['MISCONF Redis is configured to save RDB snapshots', 'MISCONF', 'REDIS_REFUSED'],
    ['CLUSTERDOWN The cluster is down', 'CLUSTERDOWN', 'REDIS_REFUSED'],
    ['NOAUTH Authentication required.', 'NOAUTH', 'REDIS_AUTH'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'WRONGPASS', 'REDIS_AUTH'],
    ["NOPERM this user has no permissions to run the 'xadd' command", 'NOPERM', 'REDIS_AUTH'],
    // The same in a script, since Redis 7.2.
    [
      "ERR ACL failure in script: User least has no permissions to run the 'xadd' command",
      'NOPERM',
      'REDIS_AUTH',
    ],
    ["ERR unknown command 'NONSENSE'", 'OTHER', 'REDIS_REFUSED'],
    ['NOAUTHORITY is no word of ours', 'OTHER', 'REDIS_REFUSED'],
    // Redis 6 puts the error of a script behind a text of its own.
    [
      "ERR Error running script (call to f_0123): @user_script:20: -READONLY You can't write against a read only replica.",
      'READONLY',
      'REDIS_REFUSED',
    ],
    ['ERR Error running script: @user_script: 20: NOGROUP No such key', 'NOGROUP', 'NO_GROUP'],
    // Only the first word counts, not a word in the name of a key.
    ['KEYTYPE my:NOGROUP holds a list, not a stream', 'KEYTYPE', 'KEY_TYPE'],
    ["NOPERM No permissions to access the key 'an OOM key'", 'NOPERM', 'REDIS_AUTH'],
  ])('%s: %s, %s', (message, refusal, code) => {
    const cause = reply(message);
    const failure = failureOf(cause, 'relay');
    expect(failure).toBeInstanceOf(RefusedError);
    expect(failure).toMatchObject({ name: 'RefusedError', refusal, code, cause });
    expect(failure.message).toMatch(/^relay: /);
  });

  it.each([
    ["READONLY You can't write.", "READONLY You can't write."],
    [
      "READONLY You can't write. script: 0123456789012345678901234567890123456789, on @user_script:7.",
      "READONLY You can't write.",
    ],
    [
      'KEYTYPE inbox holds a list, not a stream',
      'the key inbox holds a list, not a stream; nothing was changed: rename it, or choose other names (--output, --consumer-list, --list, --stream)',
    ],
    [
      'NOAUTH Authentication required.',
      'Redis asks for a password: put it into the URL, redis://:password@host:6379',
    ],
    [
      'WRONGPASS invalid pair',
      'Redis does not accept this user and password: correct them in the URL (a password alone is written redis://:password@host)',
    ],
    [
      'CLUSTERDOWN The cluster is down',
      'the Cluster is down: some of its slots have no master (CLUSTERDOWN The cluster is down); start the node that is away, or let a ' +
        'replica take its place: cgroup doctor prints how to see which it is',
    ],
    [
      'CLUSTERDOWN Hash slot not served',
      'the slot of these keys has no master (CLUSTERDOWN Hash slot not served); start the node that is away, or let a ' +
        'replica take its place: cgroup doctor prints how to see which it is',
    ],
    [
      'NOPERM no right to xadd',
      'the Redis user lacks a right (NOPERM no right to xadd): cgroup doctor prints the ACL line with all of them',
    ],
  ])('%s becomes: %s', (message, text) => {
    expect(failureOf(reply(message), 'XADD').message).toBe(`XADD: ${text}`);
  });
});

describe('no reply', () => {
  it.each([
    [new Error('Connection is closed.'), 'relay: no reply from Redis (Connection is closed.)'],
    [new Error('READONLY said no reply'), 'relay: no reply from Redis (READONLY said no reply)'],
    ['a text', 'relay: no reply from Redis (a text)'],
    [undefined, 'relay: no reply from Redis (undefined)'],
  ])('%s: it is unknown whether the command ran', (error, message) => {
    const failure = failureOf(error, 'relay');
    expect(failure).not.toBeInstanceOf(RefusedError);
    expect(failure).toMatchObject({ code: 'OUTCOME_UNKNOWN', message, cause: error });
  });
});

describe('a command that changes nothing', () => {
  /** Commands that change something, a connection included. */
  const ACTS = [
    ...['CLIENT|UNBLOCK', 'DISCARD', 'MULTI', 'EXEC', 'UNSUBSCRIBE', 'PUBLISH', 'SPUBLISH', 'XREADGROUP'],
    ...['LPUSH', 'LTRIM', 'WAIT'],
    ...['DEL', 'PEXPIRE', 'RPUSH', 'HDEL', 'HINCRBY', 'HSET', 'HSETNX', 'ZADD', 'ZREM', 'RENAMENX'],
    ...['XACK', 'XADD', 'XCLAIM', 'XDEL', 'XTRIM', 'XGROUP|CREATE', 'XGROUP|DELCONSUMER'],
  ];
  const asks = (command: string) => !ACTS.includes(command);

  it('is in the list, and so is each script of such commands', () => {
    const scripts = [...commandsOfScripts()].filter(
      ([name, commands]) => !SHARED_LUA.includes(name) && commands.every(asks),
    );
    const commands = commandsOfStores().filter(asks);
    const questions = [...scripts.map(([name]) => name), ...commands.map((name) => name.replace(/\|.*/, ''))];
    expect([...QUESTIONS].sort()).toEqual([...new Set(questions)].sort());
  });

  it.each([...QUESTIONS])('without a reply means that Redis is away: %s', (question) => {
    const failure = failureOf(new Error('Connection is closed.'), question);
    expect(failure).toMatchObject({ code: 'REDIS_UNREACHABLE' });
    expect(failure.message).toMatch(/^[\w-]+: no reply from Redis \(Connection is closed\.\)$/);
  });
});

it('a missing reply is reported with the address, if it is known', () => {
  const failure = failureOf(new Error('Connection is closed.'), 'mark', 'Redis at far.example:6380');
  expect(failure.message).toBe('mark: no reply from Redis at far.example:6380 (Connection is closed.)');
});

it('an error of ours stays as it is', () => {
  const error = new CgroupError('KEY_TYPE', 'in our words');
  expect(failureOf(error, 'relay')).toBe(error);
});

it.each([reply('WRONGPASS invalid'), new Error('Connection is closed.')])(
  'the command is removed, because it may hold a password: %s',
  (error) => {
    const withCommand = Object.assign(error, { command: { name: 'auth', args: ['secret'] } });
    expect(failureOf(withCommand, 'AUTH').cause).not.toHaveProperty('command');
    expect(withCommand).not.toHaveProperty('command');
    expect(withoutCommand('no error')).toBe('no error');
  },
);
