import { describe, expect, it } from 'vitest';
import { commandBytes } from '../../../../src/redis/protocol/command.js';

describe('the bytes of a command', () => {
  it('hold texts, numbers and bytes, each with its length in bytes', () => {
    expect(commandBytes(['SET', 'größe', 12]).toString()).toBe(
      '*3\r\n$3\r\nSET\r\n$7\r\ngröße\r\n$2\r\n12\r\n',
    );
    const raw = Buffer.from([0xff, 0x0d, 0x0a]);
    expect(commandBytes(['A', raw, raw, 'b'])).toEqual(
      Buffer.concat([
        Buffer.from('*4\r\n$1\r\nA\r\n$3\r\n'),
        raw,
        Buffer.from('\r\n$3\r\n'),
        raw,
        Buffer.from('\r\n$1\r\nb\r\n'),
      ]),
    );
    expect(commandBytes(['', Buffer.alloc(0)]).toString()).toBe('*2\r\n$0\r\n\r\n$0\r\n\r\n');
  });
});
