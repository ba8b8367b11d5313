import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const LAST = '18446744073709551615-18446744073709551615';

async function idsFindings({ flags }: TestGroup) {
  const run = cgroup(['doctor', ...flags, '--json']);
  await run.exit;
  const { findings } = JSON.parse(run.stdout()) as {
    findings: { check: string; status: string; what: string; mend: string[] }[];
  };
  return findings.filter(({ check }) => check === 'stream ids');
}

test('a group whose streams have the last possible id waits, says so, and goes on after the commands of the doctor', {
  timeout: 60_000,
}, async () => {
  const group = await groupOn(redis.url);
  const { raw, keys } = group;
  const run = await group.start(['--size', '2', '--max-attempts', '1']);
  await group.publish(20);
  await group.settled(20);
  expect((await idsFindings(group)).map(({ status }) => status)).toEqual(['ok']);

  await raw.xadd(keys.inbox, LAST, 'foreign', 'entry');
  await until(async () => (await raw.xlen(keys.dead)) === 1, {
    what: 'the foreign entry to be a dead letter',
  });
  await raw.xadd(keys.packs, LAST, 'foreign', 'entry');
  await raw.xadd(keys.output, LAST, 'foreign', 'entry');
  await raw.xadd(keys.dead, LAST, 'foreign', 'entry');
  await group.publish(['a', 'b', 'c']);
  await raw.publish(group.space.channel, 'no message');
  await until(() =>
    [keys.inbox, keys.packs].some((key) =>
      run.stderr().includes(`the stream ${key} holds an entry with the last possible id`),
    ),
  );

  const found = await idsFindings(group);
  expect(found.map(({ what }) => what)).toEqual(
    [keys.output, keys.inbox, keys.packs, keys.dead].map((key) =>
      expect.stringContaining(`the last id of ${key} is ${LAST}`),
    ),
  );
  for (const line of found.flatMap(({ mend }) => mend)) execFileSync('/bin/sh', ['-c', line]);
  await until(async () => {
    const { counters, backlog } = await group.read();
    expect(counters.lost).toBe(0);
    return counters.processed === 23 && counters.dead === 2 && backlog === 0;
  });
  expect(
    (await group.outputs())
      .map(({ messageId }) => messageId)
      .slice(-3)
      .sort(),
  ).toEqual(['a', 'b', 'c']);
  expect((await idsFindings(group)).map(({ status }) => status)).toEqual(['ok']);
  await run.kill('SIGTERM');
});
