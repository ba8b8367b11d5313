import { describe, expect, it } from 'vitest';
import { groupOn } from '../helpers/group.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { onTerminal } from '../helpers/terminal.js';
import { until } from '../helpers/until.js';

const shared = withRedis();
const [ENTER, TAB, ESCAPE, DOWN, PAGE_DOWN] = ['\r', '\t', '\u001b', '\u001b[B', '\u001b[6~'];

/** A group with dead letters, and top with the marker on the newest of them. */
async function topOnLetters(url: string, messages: readonly string[], more: readonly string[] = []) {
  const group = await groupOn(url);
  const run = await group.start(['--size', '2']);
  for (const message of messages) await group.raw.publish(group.space.channel, message);
  await group.settled(messages.length);
  const top = onTerminal(['top', ...group.flags, '--interval', '200ms', ...more], { rows: 30, columns: 120 });
  await top.shows(/^dead letters/m);
  await moveTo(top, 'dead letters');
  const letters = async () =>
    (await group.raw.xrevrange(group.keys.dead, '+', '-')).map(([id]) => String(id));
  return { ...group, run, top, letters };
}

/** Presses Tab until the marker is in a table. */
async function moveTo(top: ReturnType<typeof onTerminal>, name: string) {
  for (let tries = 0; tries < 6; tries++) {
    if (new RegExp(`^${name} [^\\n]*\\n› `, 'm').test(top.screen().join('\n'))) return;
    const before = top.raw().length;
    top.type(TAB);
    await until(() => top.raw().length > before, { what: 'a drawing' });
  }
  await top.shows(new RegExp(`^${name} [^\\n]*\\n› `, 'm'));
}

describe('the keys of cgroup top', () => {
  it('open a dead letter, scroll it, and go back; nothing in it acts on the terminal', async () => {
    const long = JSON.stringify({
      text: '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e',
      list: Array.from({ length: 100 }, (_, i) => i),
    });
    const { top, letters, run } = await topOnLetters(shared.url, [long, 'plain \u001b[2J\u001b[H text']);
    const [newest, oldest] = await letters();
    top.type(DOWN);
    await top.shows(new RegExp(`^› ${oldest} `, 'm'));
    top.type(ENTER);
    const first = await top.shows(/^message \(\d+ bytes\)$/m);
    expect(first).toMatch(new RegExp(`^dead letter +${oldest}\\n`));
    expect(first).toMatch(/^reason +no-message-id, after 0 attempts$/m);
    expect(first).toMatch(/^error\n {2}the message has no message_id$/m);
    expect(first).toMatch(/^message \(\d+ bytes\)\n {2}\{\n {4}"text": "\\u001b\[2J\\u001b/m);
    expect(first).toMatch(/^… and \d+ more\nq quit {2}Esc back .*r retry/m);
    top.type(PAGE_DOWN);
    await top.shows(/^… \d+ above, \d+ below$/m);
    top.type('G');
    expect(await top.shows(/^… \d+ above$/m)).toMatch(/^ {6}99\n {4}\]\n {2}\}\n… \d+ above$/m);
    top.type(ESCAPE);
    await top.shows(new RegExp(`^› ${oldest} `, 'm'));
    top.type('g');
    await top.shows(new RegExp(`^› ${newest} `, 'm'));
    top.type(ENTER);
    await top.shows(/^ {2}plain \\u001b\[2J\\u001b\[H text$/m);
    top.type('?');
    await top.shows(/^ {2}r +send the dead letter/m);
    top.type(ESCAPE);
    top.type('q');
    expect(await top.exit).toEqual({ code: 0, restored: true });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(top.raw()).not.toMatch(/\u001b\]0;|\u009b|\u202e|\u0007/);
    // Only at the start, and with a new size.
    expect(top.raw().split('\u001b[2J')).toHaveLength(2);
    await run.kill();
  });

  it('send a dead letter back only after y, and say what became of it', async () => {
    const { top, letters, run, read, raw, keys, settled } = await topOnLetters(shared.url, [
      'no JSON',
      'neither',
    ]);
    const [newest = '', oldest = ''] = await letters();
    top.type('r');
    await top.shows(
      new RegExp(
        `^Send ${newest} back to the inbox, to be processed again\\? y or n\\ny send it back {2}n leave it$`,
        'm',
      ),
    );
    top.type('n');
    await top.shows(new RegExp(`^${newest} was not sent back$`, 'm'));
    expect((await read()).counters.revived).toBe(0);
    top.type('r');
    await top.shows(/y or n$/m);
    top.type('y');
    await top.shows(new RegExp(`^${newest} was sent back to the inbox$`, 'm'));
    await until(async () => (await letters()).length === 2, { what: 'it to die again' });
    expect((await read()).counters.revived).toBe(1);
    expect(await letters()).not.toContain(newest);
    // Another one deletes the letter while it is open.
    const [again] = await letters();
    top.type('G');
    await top.shows(new RegExp(`^› ${oldest} `, 'm'));
    top.type(ENTER);
    await top.shows(/^message \(7 bytes\)\n {2}no JSON$/m);
    await raw.xdel(keys.dead, oldest);
    top.type('r');
    await top.shows(new RegExp(`^Send ${oldest} back`, 'm'));
    top.type('y');
    await top.shows(new RegExp(`^${oldest} is not there any more: it was sent back, or deleted$`, 'm'));
    await top.shows(new RegExp(`^› ${again} `, 'm'));
    await settled(2);
    top.type('q');
    expect(await top.exit).toEqual({ code: 0, restored: true });
    await run.kill();
  });

  it('say in a line that the user may not send it back, and go on', async () => {
    const redis = await freshRedis();
    const group = await topOnLetters(redis.url, ['no JSON']);
    group.top.type('q');
    await group.raw.call(
      'ACL',
      'SETUSER',
      'reader',
      'reset',
      'on',
      '>secret',
      'allkeys',
      'allchannels',
      '+@all',
      '-xdel',
    );
    const url = redis.url.replace('redis://', 'redis://reader:secret@');
    const top = onTerminal(['top', ...group.flags, '--redis', url, '--interval', '200ms'], { columns: 200 });
    await top.shows(/^dead letters/m);
    await moveTo(top, 'dead letters');
    const [id] = await group.letters();
    top.type('r');
    await top.shows(/y or n$/m);
    top.type('y');
    await top.shows(new RegExp(`^${id} was not sent back: .*lacks a right`, 'm'));
    expect((await group.read()).counters.revived).toBe(0);
    await group.publish(10);
    expect(await top.shows(/settled +11 /)).not.toContain('no numbers');
    top.type('q');
    expect(await top.exit).toEqual({ code: 0, restored: true });
    await group.run.kill();
  });

  it('say what could not be done while Redis is away, and go on when it is back', async () => {
    const redis = await freshRedis(['--appendonly', 'yes']);
    const { top, letters, run, raw, read } = await topOnLetters(redis.url, ['no JSON']);
    const [id] = await letters();
    raw.on('error', () => {}); // the test kills Redis
    await redis.kill();
    await top.shows(/^Unknown since /m);
    top.type(ENTER);
    await top.shows(/^it cannot be read: /m);
    top.type(ESCAPE);
    await top.shows(new RegExp(`^› ${id} `, 'm'));
    top.type('r');
    await top.shows(/y or n$/m);
    top.type('y');
    await top.shows(new RegExp(`^${id} was not sent back: `, 'm'));
    await redis.restart();
    await until(() => !/no numbers/.test(top.screen().join('\n')), { what: 'numbers' });
    top.type('r');
    await top.shows(/y or n$/m);
    top.type('y');
    await top.shows(new RegExp(`^${id} was sent back to the inbox$`, 'm'));
    expect((await read()).counters.revived).toBe(1);
    top.type('q');
    expect(await top.exit).toEqual({ code: 0, restored: true });
    await run.kill();
  });

  it('move through all dead letters, more than are read at once, and count those above and below', async () => {
    const messages = Array.from({ length: 250 }, (_, i) => `no JSON ${i}`);
    const { top, letters, run, raw, space } = await topOnLetters(shared.url, messages);
    const ids = await letters();
    await top.shows(/^… and 2\d\d more$/m);
    top.type('G');
    const last = await top.shows(new RegExp(`^› ${ids.at(-1)} `, 'm'));
    expect(last).toMatch(/^… 2\d\d above$/m);
    top.type('k');
    await top.shows(new RegExp(`^› ${ids.at(-2)} `, 'm'));
    // It stays on its row while others come in before it.
    await raw.publish(space.channel, 'one more');
    await top.shows(/^dead letters \(251\)/m);
    expect(top.screen().join('\n')).toContain(`› ${ids.at(-2)} `);
    top.type('q');
    expect(await top.exit).toEqual({ code: 0, restored: true });
    await run.kill();
  }, 60_000);

  it('sort the consumers by what the arrow shows', async () => {
    const group = await groupOn(shared.url);
    const run = await group.start(['--size', '3']);
    const top = onTerminal(['top', ...group.flags, '--interval', '200ms']);
    await top.shows(/^consumers \(3\) ↑ /m);
    top.type('s');
    await top.shows(/^consumers \(3\) .* pending ↓ /m);
    top.type('ss');
    await top.shows(/^consumers \(3\) .* msg\/s ↓$/m);
    top.type('s');
    await top.shows(/^consumers \(3\) ↑ /m);
    top.type('q');
    expect((await top.exit).code).toBe(0);
    await run.kill();
  });
});
