#!/usr/bin/env node
// Run by `npm test`: installs PostgreSQL, for the tests of the record. They start private servers of their own, so a
// service that a package starts is stopped. If PostgreSQL cannot be installed, its tests are skipped; in continuous
// integration that is an error.
//
// Users need no PostgreSQL on the machine of cgroup.

import { ask, installOneOf } from './packages.mjs';
import { findPostgres } from './postgres-programs.mjs';

const PACKAGES = {
  'apt-get': ['postgresql'],
  dnf: ['postgresql-server'],
  apk: ['postgresql'],
  brew: ['postgresql'],
};

const present = findPostgres();
const { found, why } = present
  ? { found: present, why: '' }
  : installOneOf('PostgreSQL server', PACKAGES, findPostgres);

if (found) console.log(`${ask(`${found}/postgres`, '--version').stdout?.trim()} (${found})`);
else {
  console.error(`There is no PostgreSQL server, and ${why}: its tests are skipped.`);
  process.exitCode = process.env.CI ? 1 : 0;
}
