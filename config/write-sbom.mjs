#!/usr/bin/env node

// `npm run sbom`: prints the list of the packages that are installed with cgroup (CycloneDX, https://cyclonedx.org).

import { spawnSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const DEVELOPMENT = 'cdx:npm:package:development';

/** The list as JSON. `npm sbom --omit dev` leaves out packages that others of development use, too: so they are left out here. */
export function sbom() {
  const args = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8', maxBuffer: 1e8 });
  if (status !== 0) throw new Error(`npm sbom failed:\n${stderr}`);
  const list = JSON.parse(stdout);
  const isOurs = ({ properties = [] }) =>
    !properties.some(({ name, value }) => name === DEVELOPMENT && value === 'true');
  const components = list.components.filter(isOurs);
  const left = new Set([list.metadata.component, ...components].map((one) => one['bom-ref']));
  const dependencies = list.dependencies
    .filter(({ ref }) => left.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => left.has(one)) }));
  return JSON.stringify({ ...list, components, dependencies }, null, 2);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(sbom());
