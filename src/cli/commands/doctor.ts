import type { Command } from 'commander';
import type { Finding, Fix } from '../../core/finding.js';
import { isPem } from '../../core/pem.js';
import { parseRedisUrl } from '../../core/redis-address.js';
import { plural } from '../../core/words.js';
import { userIn } from '../../doctor/acl-line.js';
import type { Report } from '../../doctor/doctor.js';
import { printable, printableJson } from '../../log/printable.js';
import type { Settings } from '../../settings/settings.js';
import { GROUP_SETTINGS, print, settingsCommand, settingsOf } from '../command.js';
import { displayOf, PLAIN, type TextTone } from '../display.js';
import { flagWords, type NamingFlags, shellLine, shownValue } from '../hints.js';
import { namingFlags } from '../settings/flags.js';
import { wrapped } from '../width.js';

/** Exit code if there is something to fix. */
const TO_FIX = 1;

export function doctorCommand(): Command {
  return settingsCommand(
    'doctor',
    'Checks Redis and the group. For each problem it shows what is wrong, why it matters, and the command that ' +
      'fixes it. Exit code 1 if there is something to fix. Changes nothing.',
    [...GROUP_SETTINGS, 'minReplicas', 'claimAfter', 'lease', 'record', 'recordTable', 'recordSql'],
    [
      ['cgroup doctor', 'before the first start, and whenever something looks wrong'],
      ['cgroup doctor --json | jq -r .acl', 'the ACL line of a Redis user for cgroup'],
      ['cgroup doctor && cgroup start', 'start only if all is well'],
    ],
  )
    .option('--json', 'print one JSON object')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const [{ settings, written, origin }, { examine }, { makeLogger }] = await Promise.all([
        settingsOf(command),
        import('../../doctor/doctor.js'),
        import('../logger.js'),
      ]);
      const { findings, ...report } = await examine({
        ...written,
        // By default, the group says it.
        lanes: origin.lanes === 'default' ? undefined : settings.lanes,
        logger: makeLogger(settings),
      });
      const given = namingFlags(command);
      const to = { at: report.at, files: settings };
      const shown = findings.map((finding) => shownFinding(finding, settings.redis, given, to));
      const notes = notesOn(findings, settings.redis, given);
      const { ok, acl, publisherAcl, aclLasts } = report;
      if (json) print(printableJson({ ok, findings: shown, notes, acl, publisherAcl, aclLasts }, 2));
      else print(doctorText(shown, notes, report, displayOf()));
      if (!ok) process.exitCode = TO_FIX;
    });
}

/** A finding as it is printed: the commands that fix it are ready to type. */
export interface ShownFinding extends Pick<Finding, 'check' | 'status' | 'what' | 'why'> {
  readonly mend: readonly string[];
}

type TlsFiles = Pick<Settings, 'redisCa' | 'redisCert' | 'redisKey' | 'redisServerName'>;

/** What redis-cli has to reach, besides the URL. */
interface RedisCliTarget {
  /** The server, if the URL does not name it: the master that Sentinels name, or the node of a Cluster. */
  readonly at?: Report['at'];
  readonly files?: TlsFiles;
}

const NO_FLAGS: NamingFlags = new Map();

export function shownFinding(
  { check, status, what, why, fixes = [] }: Finding,
  url: string,
  given = NO_FLAGS,
  to: RedisCliTarget = {},
): ShownFinding {
  return {
    check,
    status,
    what,
    ...(why === undefined ? {} : { why }),
    mend: fixes.map((fix) => (fix.at === 'redis' ? redisCli(fix, url, to) : inShell(fix, given))),
  };
}

/** Our own commands get the flags of the group, unless they set them. */
function inShell({ words }: Fix, given: NamingFlags): string {
  if (words[0] !== 'cgroup') return shellLine(words);
  return shellLine([...words, ...flagWords(given, words)]);
}

/** Without the password: see {@link notesOn}. */
function redisCli({ words, refused }: Fix, url: string, { at, files = {} }: RedisCliTarget): string {
  const { host, port, db, tls } = { ...parseRedisUrl(url), ...at };
  const user = userIn(url);
  const flags = [
    ...(host === '127.0.0.1' || host === 'localhost' ? [] : ['-h', host]),
    ...(port === 6379 ? [] : ['-p', String(port)]),
    ...(user === undefined || refused ? [] : ['--user', user]),
    ...(db > 0 ? ['-n', String(db)] : []),
    ...(tls ? tlsFlags(files) : []),
    // It goes on to the node that has the key.
    ...(at?.isCluster ? ['-c'] : []),
  ];
  return shellLine(['redis-cli', ...flags, ...words]);
}

function tlsFlags({ redisCa, redisCert, redisKey, redisServerName }: TlsFiles): string[] {
  return [
    '--tls',
    ...fileFlag('--cacert', redisCa),
    ...fileFlag('--cert', redisCert),
    ...fileFlag('--key', redisKey),
    ...(redisServerName === undefined ? [] : ['--sni', redisServerName]),
  ];
}

/** A text is no file: its place is left open. */
function fileFlag(flag: string, file: string | undefined): string[] {
  if (file === undefined) return [];
  return [flag, isPem(file) ? 'FILE.pem' : file];
}

/** What the user must know to type the commands. */
export function notesOn(findings: readonly Finding[], url: string, given = NO_FLAGS): string[] {
  const all = findings.flatMap((finding) => finding.fixes ?? []);
  const fixes = all.filter(({ at }) => at === 'redis');
  const refused = fixes.filter((fix) => fix.refused);
  const user = userIn(url);
  const notes: string[] = [];
  if (refused.length > 0)
    notes.push(
      `${user === undefined ? 'The user of this URL' : `The user ${user}`} may not use ${[...new Set(refused.map(commandOf))].join(', ')}: ` +
        'type these lines as a user who may (redis-cli --user NAME; without it, as the default user).',
    );
  if (fixes.length > 0 && parseRedisUrl(url).password !== '')
    notes.push(
      'redis-cli takes the password from the variable REDISCLI_AUTH, or asks for it with --askpass.',
    );
  const redis = given.get('--redis');
  const repeats = all.some(({ words }) => words[0] === 'cgroup' && !words.includes('--redis'));
  if (repeats && redis !== undefined && shownValue('--redis', redis) !== redis)
    notes.push('In the lines for cgroup, put the password of the URL in place of PASSWORD.');
  return notes;
}

/** `CONFIG SET`, `PING`: the words in capitals are no arguments. */
function commandOf({ words }: Fix): string {
  return words
    .slice(0, 2)
    .filter((word) => /^[A-Z]+$/.test(word))
    .join(' ');
}

const MARKS: Readonly<Record<Finding['status'], readonly [mark: string, tone: TextTone]>> = {
  ok: ['ok', 'good'],
  note: ['note', 'warn'],
  mend: ['FAIL', 'bad'],
};

/** The findings as text. */
export function doctorText(
  findings: readonly ShownFinding[],
  notes: readonly string[],
  {
    acl,
    publisherAcl,
    aclLasts,
    loginFails,
  }: Pick<Report, 'acl' | 'publisherAcl' | 'aclLasts' | 'loginFails'>,
  display = PLAIN,
): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = ' '.repeat(width + 8);
  const inLines = (text: string) =>
    wrapped(printable(text), display.width - indent.length).join(`\n${indent}`);
  const lines = findings.flatMap(({ check, status, what, why, mend }) => {
    const [mark, tone] = MARKS[status];
    return [
      `${display.paint(tone, mark.padEnd(4))}  ${check.padEnd(width)}  ${inLines(what)}`,
      ...(why === undefined ? [] : [`${indent}${inLines(why)}`]),
      // Whole, to be copied.
      ...mend.map((command) => `${indent}$ ${display.paint('head', printable(command))}`),
    ];
  });
  const count = findings.filter(({ status }) => status === 'mend').length;
  const verdict =
    count === 0
      ? display.paint('good', 'All is well.')
      : display.paint('bad', `${plural(count, 'thing')} to fix.`);
  const rights = [
    '',
    'cgroup needs a Redis user with only these rights; type this in redis-cli, with a password in place of PASSWORD:',
    `  ${printable(acl)}`,
    'Publishers need a user with only these rights:',
    `  ${printable(publisherAcl)}`,
    `Note: ${printable(aclLasts)}.`,
  ];
  return [...lines, '', verdict, ...notes.map(printable), ...(loginFails === true ? [] : rights)].join('\n');
}
