import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getDefaultSearchPlaces } from 'cosmiconfig';
import { afterAll, describe, expect, it } from 'vitest';
import { FIRST_PLACE, MODULE, mayHoldConfig } from '../../../../src/cli/settings/config-places.js';

const root = mkdtempSync(join(tmpdir(), 'cgroup-places-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A new folder with these files, all of them with settings in our key. */
function folder(...names: string[]): string {
  const path = mkdtempSync(join(root, 'x-'));
  for (const name of names) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), `{"${MODULE}": {"size": 7}}`);
  }
  return path;
}

describe('whether the search for a config file can find anything', () => {
  it.each([...getDefaultSearchPlaces(MODULE), FIRST_PLACE, `${MODULE}.config.yml`])(
    'it can in %s',
    (place) => {
      expect(mayHoldConfig(folder(place))).toBe(true);
      expect(mayHoldConfig(join(folder(place, 'package.json', 'below/x'), 'below'))).toBe(true);
    },
  );

  it('it cannot in a folder without any of them, nor above one of no project', () => {
    expect(mayHoldConfig(folder('x.json'))).toBe(false);
    const above = folder(FIRST_PLACE, 'below/x');
    expect(mayHoldConfig(join(above, 'below'))).toBe(false);
  });

  it('it cannot in a project whose package.json says nothing of us', () => {
    const project = folder('below/x');
    writeFileSync(join(project, 'package.json'), '{"name": "x"}');
    expect(mayHoldConfig(join(project, 'below'))).toBe(false);
  });

  it.each(['{"name": ', 'null'])('it can in a package.json that is broken: %s', (text) => {
    const project = folder('below/x');
    writeFileSync(join(project, 'package.json'), text);
    expect(mayHoldConfig(join(project, 'below'))).toBe(true);
  });
});
