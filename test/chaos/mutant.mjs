import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { MUTANTS } from './mutants.js';

/** Loaded with `node --import` before the program: changes one Lua script as it is read. */
const mutant = MUTANTS[process.env.CHAOS_MUTANT];
const { readFileSync } = fs;

fs.readFileSync = (path, ...options) => {
  const text = readFileSync(path, ...options);
  if (!String(path).endsWith(`/lua/${mutant.in}`)) return text;
  if (!text.includes(mutant.from)) throw new Error(`${mutant.in} no longer holds what the mutant alters`);
  return text.replace(mutant.from, () => mutant.to);
};
syncBuiltinESMExports();
