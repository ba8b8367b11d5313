import { isAbsolute } from 'node:path';
import { getAsset } from 'node:sea';
import { Worker } from 'node:worker_threads';

// In place of src/core/own-files.ts in the single executable: everything of ours is inside it.

export const ownFile = (path) => Buffer.from(getAsset(`dist/${path}`));

/** By folder, as `ownNames` is asked for it. */
export const ownNames = (folder) => JSON.parse(getAsset('names.json', 'utf8'))[folder];

export const packageFile = (path) => Buffer.from(getAsset(path));

const packages = {
  ioredis: () => require('ioredis'),
  pino: () => require('pino'),
  'pino-pretty': () => require('pino-pretty'),
};
export const packageOf = (name) => packages[name]();

export const ownProgram = () => [process.execPath];

// The stack of an error has a path for the files of users only.
export const isOwnCode = (path) => !isAbsolute(path);

export const nodeProgram = () => undefined;

export const startThread = (options) =>
  new Worker(getAsset('thread.cjs', 'utf8'), { ...options, eval: true });
