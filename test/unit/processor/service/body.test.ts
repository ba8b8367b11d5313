import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AnswerBody } from '../../../../src/processor/service/body.js';

it('a body is its chunks, and counts as being read until it is taken', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40_000 }), { maxLength: 6 }), (chunks) => {
      const all = { bytes: 5 };
      const body = new AnswerBody(all);
      const originals = chunks.map((chunk) => Buffer.from(chunk));
      for (const chunk of chunks) body.append(Buffer.from(chunk.buffer));
      const whole = Buffer.concat(originals);
      expect(body.size).toBe(whole.length);
      expect(all.bytes).toBe(5 + whole.length);
      expect(body.take().equals(whole)).toBe(true);
      expect([body.size, all.bytes]).toEqual([0, 5]);
      expect(chunks.every((chunk, at) => originals[at]?.equals(chunk))).toBe(true);
    }),
  );
});
