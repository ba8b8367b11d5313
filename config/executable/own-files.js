import { getAsset } from 'node:sea';
import { Worker } from 'node:worker_threads';

// In place of src/core/own-files.ts in the single executable: everything of ours is inside it.

export const ownFile = (path) => Buffer.from(getAsset(`dist/${path}`));

export const packageFile = (path) => Buffer.from(getAsset(path));

export const ownProgram = () => [process.execPath];

export const startThread = (options) =>
  new Worker(getAsset('thread.cjs', 'utf8'), { ...options, eval: true });
