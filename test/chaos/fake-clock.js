import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { has } from './programs.js';

const SOURCE = fileURLToPath(new URL('fake-clock.c', import.meta.url));

/** Moves the wall clock of a Redis forwards and back; fake-clock.c is the other half. */
export class FakeClock {
  #file;
  #library;

  /** @returns {string | undefined} why this machine cannot do it */
  static impossible() {
    if (process.platform !== 'linux') return 'a clock can be faked on Linux only';
    return has('cc') ? undefined : 'there is no C compiler (cc) on this machine';
  }

  /** @param {string} dir for the compiled library and the offset */
  constructor(dir) {
    this.#file = join(dir, 'clock');
    this.#library = join(dir, 'fake-clock.so');
    writeFileSync(this.#file, Buffer.alloc(8));
    execFileSync('cc', ['-shared', '-fPIC', '-O2', '-o', this.#library, SOURCE]);
  }

  /** What the server's environment needs. */
  get environment() {
    return { LD_PRELOAD: this.#library, CHAOS_CLOCK: this.#file };
  }

  /** @param {number} seconds ahead of the true time */
  shift(seconds) {
    const offset = Buffer.alloc(8);
    offset.writeBigInt64LE(BigInt(seconds));
    // In place: the server has mapped this file.
    const file = openSync(this.#file, 'r+');
    writeSync(file, offset, 0, offset.length, 0);
    closeSync(file);
  }
}
