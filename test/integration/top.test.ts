import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { logOf } from '../helpers/running.js';
import { onTerminal } from '../helpers/terminal.js';

const shared = withRedis();

/** A group at work, with one dead letter. */
async function groupAtWork(url: string) {
  const group = await groupOn(url);
  const run = await group.start(['--size', '3']);
  await group.publish(100);
  await group.raw.publish(group.space.channel, 'no JSON \u001b[2J');
  await group.settled(101);
  return { ...group, run };
}

describe('cgroup top', () => {
  it('fills the terminal, follows its size, and restores it at q', async () => {
    const group = await groupAtWork(shared.url);
    const top = onTerminal(['top', ...group.flags, '--interval', '100ms']);
    const screen = await top.shows(/settled +101 /);
    expect(screen).toMatch(/^messages:published:\S+ → messages:processed:\S+ {2}group cgroup/);
    expect(screen).toMatch(/^consumers \(3\) ↑ /m);
    expect(screen).toMatch(/^› \S+-1 +\S+ +\d+ +0 +\d+ +[\d,]+$/m);
    expect(screen).toMatch(/^ {2}\S+-3 +\S+ +\d+ +0 +\d+/m);
    expect(screen).toMatch(/^processes \(1\) ↑ .*\n {2}\S+ +leads /m);
    expect(screen).toMatch(/^ {2}\d+-0 +\d+ m?s +invalid-json +0 /m);
    expect(screen).toMatch(/\nq quit {2}s sort {2}Tab processes .*\? help$/);
    expect(top.isTaken()).toBe(true);
    await top.shows(/^rate .*[▁-█]{3} +peak [\d,.]+\/s$/m);

    await group.publish(50);
    await top.shows(/settled +151 /);

    await top.resize(10, 40);
    await top.shows(/^messages:published:\S+ → messages:…$/m);
    await top.shows(/^consumers \(3\).*\n› \S+-1 .*\n… and 2 more$/m);
    await top.shows(/^no room: .*\nq quit .*\? help$/m);
    expect(top.screen().length).toBe(10);
    await top.resize(2, 12);
    await top.shows(/^messages:pu…\nq quit/);
    await top.resize(40, 200);
    await top.shows(/^processes .* version\n {2}\S+ +leads .* \d+\.\d+\.\d+\S*$/m);
    expect(top.screen().length).toBe(40);

    top.type('x');
    top.type('q');
    expect(await top.exit).toEqual({ code: 0, restored: true });
    expect(top.isTaken()).toBe(false);
    expect(top.raw()).toContain('\u001b[?25h');
    await group.run.kill();
  });

  it.each([
    ['Ctrl-C', (top: ReturnType<typeof onTerminal>) => top.type('\u0003')],
    ['SIGTERM', (top: ReturnType<typeof onTerminal>) => top.signal('SIGTERM')],
  ])('restores the terminal at %s', async (_name, end) => {
    const group = await groupOn(shared.url);
    const top = onTerminal(['top', ...group.flags]);
    await top.shows(/none leads: nothing is relayed/);
    end(top);
    expect(await top.exit).toEqual({ code: 0, restored: true });
    expect(top.isTaken()).toBe(false);
  });

  it('uses colours, but not with NO_COLOR', async () => {
    const group = await groupOn(shared.url);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a colour is an escape sequence
    const colour = /\u001b\[\d+m/;
    for (const [env, coloured] of [
      [{}, true],
      [{ NO_COLOR: '1' }, false],
    ] as const) {
      const top = onTerminal(['top', ...group.flags], { env });
      await top.shows(/^consumers \(0\)/m);
      top.type('q');
      await top.exit;
      expect(colour.test(top.raw())).toBe(coloured);
    }
  });

  it.each([
    ['green', 32, [], 'Keeping up'],
    ['yellow', 33, ['--bridges', '2'], 'No spare bridge'],
    ['red', 31, undefined, 'Nothing is relayed: no bridge leads'],
  ])('has a headline in %s', async (_colour, code, flags, title) => {
    const group = await groupOn(shared.url);
    const run = flags && (await group.start(['--bridges', '1', ...flags]));
    const top = onTerminal(['top', ...group.flags, '--interval', '100ms']);
    await top.shows(new RegExp(`^${title}`, 'm'));
    top.type('q');
    await top.exit;
    expect(top.raw()).toContain(`\u001b[${code}m${title}`);
    await run?.kill();
  });

  it('says for how long Redis is away, and goes on when it is back', async () => {
    const redis = await freshRedis(['--appendonly', 'yes']);
    const group = await groupAtWork(redis.url);
    const top = onTerminal(['top', ...group.flags, '--interval', '200ms']);
    await top.shows(/settled +101 /);
    group.raw.on('error', () => {}); // the test kills Redis
    await redis.kill();
    await top.shows(/no numbers for \d+ s: /);
    await top.shows(/no numbers for 2 s: /);
    expect(top.screen().join('\n')).toMatch(/settled +101 /);
    await top.shows(/^Unknown since \d\d:\d\d:\d\dZ: /m);
    for (const grey of ['Unknown since ', 'rate ', 'settled '])
      expect(top.raw()).toContain(`\u001b[90m${grey}`);
    await redis.restart();
    await group.bridgesInStep(1);
    await group.publish(20);
    const back = await top.shows(/settled +121 /);
    expect(back).not.toContain('no numbers');
    top.type('q');
    expect(await top.exit).toEqual({ code: 0, restored: true });
    await group.run.kill();
  });

  it('ends at q while Redis does not answer', async () => {
    const redis = await freshRedis();
    const group = await groupOn(redis.url);
    const top = onTerminal(['top', ...group.flags, '--interval', '100ms']);
    await top.shows(/consumers/);
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await top.shows(/no numbers for \d+ s: Redis does not answer/);
      top.type('q');
      const late = sleep(3_000).then(() => 'late');
      expect(await Promise.race([top.exit, late])).toEqual({ code: 0, restored: true });
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
  });

  it('prints once, as plain text, into a pipe', async () => {
    const group = await groupAtWork(shared.url);
    const run = cgroup(['top', ...group.flags, '--interval', '100ms']);
    expect(await run.exit).toEqual({ code: 0, signal: null });
    const text = run.stdout();
    expect(text.match(/^rate/gm)).toHaveLength(1);
    expect(text).toMatch(/^rate +0 msg\/s$/m);
    expect(text).toMatch(/^consumers \(3\) /m);
    expect(text).toContain('invalid-json');
    expect(text).not.toContain('\u001b');
    await group.run.kill();
  });

  it('and other commands name the channel and group of the output if the given ones differ', async () => {
    const { space, flags, run } = await groupAtWork(shared.url);
    const belongs = (rest: string) =>
      `the output ${space.output} belongs to the channel ${space.channel} and the group cgroup, not to ${rest}`;
    for (const [wrong, problem] of [
      [['--channel', 'elsewhere'], belongs('the channel elsewhere')],
      [['--group', 'other'], belongs('the group other')],
    ] as const)
      for (const command of [
        ['status'],
        ['status', '--json'],
        ['top', '--interval', '100ms'],
        ['monitor', '--interval', '100ms'],
        ['verify'],
        ['dead', 'list'],
      ]) {
        const asked = cgroup([...command, ...flags, ...wrong]);
        if (command[0] === 'monitor') {
          await asked.line(/ msg\/s /);
          void asked.kill();
        }
        expect((await asked.exit).code).toBe(0);
        expect(logOf(asked, 40).map(({ msg }) => msg)).toEqual([
          `${problem}: give its --channel and --group`,
        ]);
        if (command[0] === 'top') expect(asked.stdout()).toContain(`\n${problem}\n`);
      }
    const right = cgroup(['status', ...flags]);
    expect((await right.exit).code).toBe(0);
    expect(right.stderr()).toBe('');
    // The screen shows the problem once.
    const top = onTerminal(['top', ...flags, '--channel', 'elsewhere', '--interval', '100ms'], {
      columns: 300,
    });
    await top.shows(/not to the channel elsewhere/);
    top.type('q');
    expect((await top.exit).code).toBe(0);
    expect(top.raw()).not.toContain('give its --channel');
    await run.kill();
  });

  it('refuses an interval that is too short, and exits with code 1 if Redis is unreachable', async () => {
    const wrong = cgroup(['top', '--interval', '5ms']);
    expect((await wrong.exit).code).toBe(2);
    expect(wrong.stderr()).toContain('must be a duration from 100ms');
    const away = cgroup(['top', '--redis', 'redis://127.0.0.1:1']);
    expect((await away.exit).code).toBe(1);
    expect(away.stderr()).toContain('cannot reach Redis');
  });
});
