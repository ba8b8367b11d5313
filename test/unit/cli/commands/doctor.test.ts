import { describe, expect, it } from 'vitest';
import { doctorText, notesOn, shownFinding } from '../../../../src/cli/commands/doctor.js';
import { PLAIN } from '../../../../src/cli/display.js';
import { type Finding, type Fix, redis, shell } from '../../../../src/core/finding.js';

describe('cgroup doctor prints', () => {
  const finding: Finding = {
    check: 'x',
    status: 'mend',
    what: 'odd \u001b[2J',
    why: 'because',
    fixes: [
      { at: 'redis', words: ['RENAME', "it's {out}", 'b'] },
      { at: 'shell', words: ['cgroup', 'start'] },
    ],
  };

  const line = (fix: Fix, url: string) => shownFinding({ ...finding, fixes: [fix] }, url).mend[0];

  it('commands that are ready to type, without a password', () => {
    const { mend } = shownFinding(finding, 'rediss://user:secret@far.example:6380/2');
    expect(mend).toEqual([
      "redis-cli -h far.example -p 6380 --user user -n 2 --tls RENAME 'it'\\''s {out}' b",
      'cgroup start',
    ]);
    expect(line(redis('PING'), 'redis://127.0.0.1:6379')).toBe('redis-cli PING');
    expect(line(redis('PING'), 'redis://:secret@[::1]:7000')).toBe('redis-cli -h ::1 -p 7000 PING');
    expect(line(redis('PING'), 'redis://default:secret@localhost')).toBe('redis-cli PING');
    expect(line(redis('PING'), 'redis://m%20e:secret@h')).toBe("redis-cli -h h --user 'm e' PING");
  });

  it('texts below their beginning on a narrow terminal, and commands whole', () => {
    const shown = shownFinding(
      { ...finding, what: 'a long text that does not fit into a line' },
      'redis://h',
    );
    const display = { ...PLAIN, width: 30, paint: (tone: string, text: string) => `<${tone}:${text}>` };
    const report = { acl: 'a', publisherAcl: 'p', aclLasts: 'l', loginFails: true };
    expect(doctorText([shown], [], report, display).split('\n').slice(0, 5)).toEqual([
      '<bad:FAIL>  x  a long text that does',
      '         not fit into a line',
      '         because',
      "         $ <head:redis-cli -h h RENAME 'it'\\''s {out}' b>",
      '         $ <head:cgroup start>',
    ]);
    expect(doctorText([{ ...shown, status: 'ok' }], [], report, display)).toContain('<good:All is well.>');
  });

  it('commands for the node of a Cluster, for the master that Sentinels name, and with the files of TLS', () => {
    const fixes = [redis('PING')];
    const lineTo = (url: string, to: Parameters<typeof shownFinding>[3]) =>
      shownFinding({ ...finding, fixes }, url, new Map(), to).mend[0];
    const at = (isCluster: boolean) => ({ host: '10.0.0.7', port: 7001, isCluster });
    expect(lineTo('redis://a:1,b:2', { at: at(true) })).toBe('redis-cli -h 10.0.0.7 -p 7001 -c PING');
    const sentinel = 'redis-sentinel://a,b/0#mymaster';
    expect(lineTo(sentinel, { at: at(false) })).toBe('redis-cli -h 10.0.0.7 -p 7001 PING');
    const files = {
      redisCa: '/ca.pem',
      redisCert: 'c.pem',
      redisKey: '-----BEGIN KEY',
      redisServerName: 'r',
    };
    const flags = '--tls --cacert /ca.pem --cert c.pem --key FILE.pem --sni r';
    expect(lineTo('rediss://h', { files })).toBe(`redis-cli -h h ${flags} PING`);
    expect(lineTo('redis://h', { files })).toBe('redis-cli -h h PING');
  });

  it('commands for the same group, unless they name another', () => {
    const given = new Map([
      ['--redis', 'redis://me:s%C3%A9cret@h/1'],
      ['--output', 'my results'],
    ]);
    const fixes: Fix[] = [
      shell('cgroup', 'dead', 'purge'),
      shell('cgroup', 'start', '--redis', 'redis://h:2'),
      shell('df', '-h'),
    ];
    expect(shownFinding({ ...finding, fixes }, 'redis://h', given).mend).toEqual([
      "cgroup dead purge --redis redis://me:PASSWORD@h/1 --output 'my results'",
      "cgroup start --redis redis://h:2 --output 'my results'",
      'df -h',
    ]);
    const notes = (fix: Fix) => notesOn([{ ...finding, fixes: [fix] }], 'redis://h', given);
    expect(fixes.map((fix) => notes(fix).length)).toEqual([1, 0, 0]);
    expect(notes(shell('cgroup', 'start'))).toEqual([expect.stringContaining('in place of PASSWORD')]);
  });

  it('refused commands without the user of the URL, and a note that says so', () => {
    const fix: Fix = { ...redis('CONFIG', 'SET', 'appendonly', 'yes'), refused: true };
    const url = 'redis://least:secret@h:7000';
    expect(line(fix, url)).toBe('redis-cli -h h -p 7000 CONFIG SET appendonly yes');
    expect(notesOn([{ ...finding, fixes: [fix] }], url)).toEqual([
      expect.stringMatching(/^The user least may not use CONFIG SET: type these lines as a user who may/),
      expect.stringContaining('REDISCLI_AUTH'),
    ]);
    expect(notesOn([finding], url)).toEqual([expect.stringContaining('REDISCLI_AUTH')]);
    expect(notesOn([finding], 'redis://h')).toEqual([]);
  });

  it('text without control characters, and a verdict', () => {
    const text = doctorText([shownFinding(finding, 'redis://h')], ['a note'], {
      acl: 'ACL SETUSER cgroup',
      publisherAcl: 'ACL SETUSER publisher',
      aclLasts: 'it is gone',
    });
    expect(text).toMatch(/^FAIL {2}x {2}odd \\u001b\[2J\n {9}because\n {9}\$ redis-cli/);
    expect(text).toContain('1 thing to fix.\na note\n');
    expect(text).toMatch(/ {2}ACL SETUSER cgroup\n.*\n {2}ACL SETUSER publisher\nNote: it is gone.$/);
    const good: Finding = { check: 'x', status: 'ok', what: 'good' };
    expect(
      doctorText([shownFinding(good, 'redis://h')], [], { acl: '', publisherAcl: '', aclLasts: '' }),
    ).toContain('All is well.');
  });
});
