#!/usr/bin/env node
// Run by `npm test`: sees to it that Prometheus and Chromium are on the PATH, against which metrics and the live page
// are tested. Where one cannot be had, it says so, and its tests are skipped: nothing that users run needs them.

import { installOneOf, isOnPath } from './packages.mjs';

const PROGRAMS = [
  {
    program: 'prometheus',
    packages: { 'apt-get': ['prometheus'], apk: ['prometheus'], brew: ['prometheus'] },
  },
  { program: 'chromium', packages: { 'apt-get': ['chromium'], dnf: ['chromium'], apk: ['chromium'] } },
];

for (const { program, packages } of PROGRAMS) {
  if (isOnPath(program)) continue;
  const { found, why } = installOneOf(program, packages, () => isOnPath(program));
  if (!found)
    console.log(`There is no ${program} on the PATH, and ${why}: what is tested with it is skipped.`);
}
