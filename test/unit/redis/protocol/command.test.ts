import { describe, expect, it } from 'vitest';
import { commandBytes } from '../../../../src/redis/protocol/command.js';

describe('the bytes of a command', () => {
  it('hold texts, numbers and bytes, each with its length in bytes', () => {
    expect(commandBytes([['SET', 'größe', 12]]).toString()).toBe(
      '*3\r\n$3\r\nSET\r\n$7\r\ngröße\r\n$2\r\n12\r\n',
    );
    const raw = Buffer.from([0xff, 0x0d, 0x0a]);
    expect(commandBytes([['A', raw, raw, 'b']])).toEqual(
      Buffer.concat([
        Buffer.from('*4\r\n$1\r\nA\r\n$3\r\n'),
        raw,
        Buffer.from('\r\n$3\r\n'),
        raw,
        Buffer.from('\r\n$1\r\nb\r\n'),
      ]),
    );
    expect(commandBytes([['', Buffer.alloc(0)]]).toString()).toBe('*2\r\n$0\r\n\r\n$0\r\n\r\n');
  });

  it('stand one behind the other', () => {
    expect(commandBytes([['A', 1], [Buffer.from('B')], ['C']]).toString()).toBe(
      '*2\r\n$1\r\nA\r\n$1\r\n1\r\n*1\r\n$1\r\nB\r\n*1\r\n$1\r\nC\r\n',
    );
  });

  it('are in the given memory if they fit', () => {
    const memory = Buffer.alloc(20);
    const fits = commandBytes([['PING']], memory);
    expect(fits.buffer).toBe(memory.buffer);
    expect(fits.toString()).toBe('*1\r\n$4\r\nPING\r\n');
    expect(commandBytes([['PING', 'x'.repeat(20)]], memory).buffer).not.toBe(memory.buffer);
  });
});
