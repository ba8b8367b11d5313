import { describe, expect, it } from 'vitest';
import { messageOf } from './messages.js';
import { OutputReader } from './output-reader.js';

const text = (value) => `$${value.length}\r\n${value}\r\n`;
const array = (...elements) => `*${elements.length}\r\n${elements.join('')}`;
const NOTHING = '*-1\r\n';

/** An entry of the output, with fields as one contender or another has them. */
function entry(id, number, stamp, more = []) {
  const data = `${messageOf(number, stamp).slice(0, -1)},"random":0.5}`;
  const { message_id } = JSON.parse(data);
  const fields = ['message_id', message_id, 'consumer_id', 'c-1', ...more, 'data', data];
  return array(text(id), array(...fields.map(text)));
}

const page = (...entries) => array(array(text('some:output'), array(...entries)));
const REPLIES = [
  page(entry('5-0', 7, 1_000), entry('5-1', 8, 2_000, ['inbox_id', '4-0'])),
  NOTHING,
  page(entry('6-12', 9, 3_000)),
].join('');

function read(...chunks) {
  const heard = [];
  const reader = new OutputReader(
    (number, stamp) => heard.push([number, stamp]),
    () => heard.push(reader.last),
  );
  for (const chunk of chunks) reader.take(Buffer.from(chunk));
  return heard;
}

describe('OutputReader', () => {
  const all = [[7, 1_000], [8, 2_000], '5-1', '5-1', [9, 3_000], '6-12'];

  it('reports each result once, and at the end of each reply its last id', () => {
    expect(read(REPLIES)).toEqual(all);
  });

  it('does so for chunks that are cut anywhere', () => {
    for (let cut = 1; cut < REPLIES.length; cut++)
      expect(read(REPLIES.slice(0, cut), REPLIES.slice(cut)), `cut at ${cut}`).toEqual(all);
    expect(read(...REPLIES)).toEqual(all);
  });

  it('reports foreign messages as such', () => {
    const alien = array(text('7-0'), array(text('data'), text('{"a":1}')));
    expect(read(page(alien))).toEqual([[Number.NaN, Number.NaN], '7-0']);
  });

  it('fails with the error of Redis', () => {
    expect(() => read('-ERR no\r\n')).toThrow('Redis said: -ERR no');
  });
});
