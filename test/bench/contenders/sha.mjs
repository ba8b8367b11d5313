import { createHash } from 'node:crypto';

/** A processor that computes: some 0.5 ms of hashing for each message, always the same amount. */
const KILOBYTES = Buffer.alloc(1_024);
const TIMES = 500;

export default function work(message) {
  const hash = createHash('sha256');
  for (let i = 0; i < TIMES; i++) hash.update(KILOBYTES);
  return { ...message, random: Math.random(), hash: hash.digest('hex') };
}
