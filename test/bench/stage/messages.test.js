import { describe, expect, it } from 'vitest';
import { messageOf, numberIn, numberOf, PublishTemplate, stampIn } from './messages.js';

describe('PublishTemplate', () => {
  const commands = (text) => text.split('*3\r\n').slice(1);
  const bodyOf = (command) => command.split('\r\n').at(-2);

  it('makes commands with the messages, one number each', () => {
    const template = new PublishTemplate({ channel: 'some:channel', most: 5, stamped: false });
    const made = commands(template.batch(1_098, 3).toString());
    expect(made.map(bodyOf)).toEqual([1_098, 1_099, 1_100].map((number) => messageOf(number)));
    expect(made[0]).toBe(`$7\r\nPUBLISH\r\n$12\r\nsome:channel\r\n$53\r\n${messageOf(1_098)}\r\n`);
  });

  it('stamps messages', () => {
    const template = new PublishTemplate({ channel: 'c', most: 2, stamped: true });
    const [, second] = commands(template.batch(0, 2, 123_456_789).toString());
    expect(JSON.parse(bodyOf(second))).toEqual({
      message_id: JSON.parse(messageOf(1)).message_id,
      sent: '0000000123456789',
    });
  });

  it('gives messages keys', () => {
    const template = new PublishTemplate({
      channel: 'c',
      most: 2,
      stamped: false,
      keyOf: (number) => 7 * number,
    });
    const made = commands(template.batch(3, 2).toString());
    expect(made.map((command) => JSON.parse(bodyOf(command)).key)).toEqual(['000021', '000028']);
  });

  it('does not change with the commands that it made', () => {
    const template = new PublishTemplate({ channel: 'c', most: 1, stamped: true });
    template.batch(999_999, 1, 999_999);
    expect(template.batch(1, 1, 2).toString()).toContain(messageOf(1, 2));
  });
});

describe('numberOf', () => {
  it('finds the number of a message', () => {
    expect(numberOf(JSON.parse(messageOf(4_711)).message_id)).toBe(4_711);
  });
  it.each(['', 'x', '00000000-0000-0000-0000-000000004711'])('is undefined for %j', (id) => {
    expect(numberOf(id)).toBeUndefined();
  });
});

describe('numberIn and stampIn', () => {
  const result = (message) => Buffer.from(`..${message.slice(0, -1)},"random":0.5}`);

  it('find the number and the stamp in the bytes of a result', () => {
    const bytes = result(messageOf(4_711, 123_456_789));
    expect([numberIn(bytes, 2), stampIn(bytes, 2)]).toEqual([4_711, 123_456_789]);
  });

  it.each([messageOf(4_711), '{"message_id":"other"}', '{}'])('find no stamp in %j', (message) => {
    expect(stampIn(result(message), 2)).toBeNaN();
  });
});
