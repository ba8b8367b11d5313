import { describe, expect, it } from 'vitest';
import { ReplyError, replyValue } from '../../../../src/redis/protocol/values.js';

const read = (text: string, asBytes = false) => replyValue(Buffer.from(`xx${text}`), 2, asBytes);

describe('the value of a reply', () => {
  it('is a text, a number, nothing, or a list of them', () => {
    expect(read('+OK\r\n')).toBe('OK');
    expect(read(':-12\r\n')).toBe(-12);
    expect(read('$6\r\ngröß\r\n')).toBe('größ');
    expect(read('$-1\r\n')).toBeNull();
    expect(read('*-1\r\n')).toBeNull();
    expect(read('*0\r\n')).toEqual([]);
    expect(read('*3\r\n$1\r\na\r\n*2\r\n:1\r\n$0\r\n\r\n$-1\r\n')).toEqual(['a', [1, ''], null]);
  });

  it('has bytes in place of texts if asked for', () => {
    expect(read('*2\r\n$2\r\na\n\r\n:1\r\n', true)).toEqual([Buffer.from('a\n'), 1]);
  });

  it('is an error if the reply is one, as with ioredis', () => {
    expect(() => read('-NOGROUP no group\r\n')).toThrow(ReplyError);
    expect(() => read('-NOGROUP no group\r\n')).toThrow('NOGROUP no group');
  });
});
