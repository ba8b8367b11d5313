#!/usr/bin/env node
// Run by `npm test`: installs missing programs that some tests need: Prometheus for the metrics, Chromium for the live
// page, openssl for certificates, shells that complete, mandoc for the man page, buildah for the image, Python's modules redis and websockets and jq for programs in examples. If one cannot be
// installed, its tests are skipped.
// Users need none of them.

import { installOneOf, isOnPath, pythonWith } from './packages.mjs';

const PROGRAMS = [
  {
    program: 'prometheus',
    packages: { 'apt-get': ['prometheus'], apk: ['prometheus'], brew: ['prometheus'] },
  },
  { program: 'chromium', packages: { 'apt-get': ['chromium'], dnf: ['chromium'], apk: ['chromium'] } },
  { program: 'zsh', packages: { 'apt-get': ['zsh'], dnf: ['zsh'], apk: ['zsh'], brew: ['zsh'] } },
  { program: 'fish', packages: { 'apt-get': ['fish'], dnf: ['fish'], apk: ['fish'], brew: ['fish'] } },
  { program: 'buildah', packages: { 'apt-get': ['buildah'], dnf: ['buildah'], apk: ['buildah'] } },
  { program: 'tini-static', packages: { 'apt-get': ['tini'], dnf: ['tini-static'], apk: ['tini-static'] } },
  {
    program: 'mandoc',
    packages: { 'apt-get': ['mandoc'], dnf: ['mandoc'], apk: ['mandoc'], brew: ['mandoc'] },
  },
  { program: 'jq', packages: { 'apt-get': ['jq'], dnf: ['jq'], apk: ['jq'], brew: ['jq'] } },
  {
    program: 'openssl',
    packages: { 'apt-get': ['openssl'], dnf: ['openssl'], apk: ['openssl'], brew: ['openssl'] },
  },
  {
    program: 'python3 with the module redis',
    packages: { 'apt-get': ['python3-redis'], dnf: ['python3-redis'], apk: ['py3-redis'] },
    find: () => pythonWith('redis'),
  },
  {
    program: 'python3 with the module websockets',
    packages: { 'apt-get': ['python3-websockets'], dnf: ['python3-websockets'], apk: ['py3-websockets'] },
    find: () => pythonWith('websockets'),
  },
];

for (const { program, packages, find = () => isOnPath(program) } of PROGRAMS) {
  if (find()) continue;
  const { found, why } = installOneOf(program, packages, find);
  if (!found) console.log(`There is no ${program} on the PATH, and ${why}: its tests are skipped.`);
}
