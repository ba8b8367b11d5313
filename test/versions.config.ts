import { delimiter } from 'node:path';
import { defineConfig } from 'vitest/config';
import { otherServers, versionOf } from '../config/redis-versions.mjs';
import shared from '../vitest.config.js';

/**
 * What may differ between versions of the server: the scripts, what they are refused, and the doctor. Each of these files takes
 * a few seconds: with more, continuous integration could not run them on every version.
 */
const FILES = [
  'cluster',
  'control',
  'halts',
  'large-texts',
  'last-ids',
  'late-ids',
  'pull-keyed',
  'marks',
  'order-key-scripts',
  'output-list',
  'packs',
  'packs-consumer',
  'packs-relay',
  'pull-list',
  'pull-stream',
  'record-redis-scripts',
  'registry',
  'relay',
  'settle',
  'settle-whole',
  'settle-whole-refused',
  'subscription',
  'total-order',
  'unpack',
].map((name) => `test/integration/${name}.test.ts`);

/** Of the doctor's tests, those in which the server decides: its check of a good one, and a group with the rights that it prints. */
const DOCTOR = {
  include: ['test/integration/doctor.test.ts'],
  testNamePattern: /with a good server|the ACL line/,
};

const { testTimeout = 90_000, hookTimeout = 30_000, maxWorkers = 2 } = shared.test ?? {};
const path = process.env.PATH ?? '';
const here = { version: versionOf('redis-server') ?? 'the server', dir: '' };
const others = otherServers().filter(({ version }) => version !== here.version);

/** `npm run test:versions`: a part of the integration tests, once on each version of the server in the folder .servers. */
export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    maxWorkers,
    projects: (others.length > 0 ? others : [here]).flatMap(({ version, dir }) => {
      const test = {
        testTimeout,
        hookTimeout,
        retry: process.env.CI ? 1 : 0,
        globalSetup: ['test/helpers/global-setup.ts'],
        env: { PATH: dir === '' ? path : `${dir}${delimiter}${path}` },
      };
      return [
        { test: { ...test, name: version, include: FILES } },
        { test: { ...test, ...DOCTOR, name: `${version}, doctor` } },
      ];
    }),
  },
});
