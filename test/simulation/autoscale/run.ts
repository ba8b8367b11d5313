import { Autoscaler } from '../../../src/control/autoscale.js';
import { Random } from '../random.js';
import { GroupModel, type MakeScaler, type Second } from './group.js';
import { alwaysWrong, type Family } from './scenarios.js';

export const makeReal: MakeScaler = (rule, size) => new Autoscaler(rule, size);

/** Runs the scenario of a seed. */
export function runFamily(
  family: Family,
  seed: number,
  make: MakeScaler = makeReal,
): { readonly seconds: Second[]; readonly wrong: string[] } {
  const scenario = family.scenario(new Random(seed));
  const seconds = new GroupModel(scenario, seed, make).run();
  return { seconds, wrong: [...alwaysWrong(seconds, scenario), ...family.check(seconds, scenario)] };
}
