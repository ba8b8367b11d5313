import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { scaling } from './scaling.js';
import { throughput } from './throughput.js';

const HELP = `npm run bench -- [--messages N] [--rounds N] [--only throughput|scaling] [--json FILE]

Measures this build on this machine, on a private Redis: the rate from PUBLISH to output, and how it grows
with the number of consumers. --messages (300000) and --rounds (5) are those of the throughput.`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '300000' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const say = (line) => process.stdout.write(`${line}\n`);
if (values.help) say(HELP);
else await main();

async function main() {
  const machine = { cpu: cpus()[0].model, cores: cpus().length, node: process.version };
  say(`${machine.cores} × ${machine.cpu}, Node ${machine.node}`);
  const benches = { throughput, scaling };
  const options = { messages: Number(values.messages), rounds: Number(values.rounds), say };
  const results = { machine };
  for (const [name, bench] of Object.entries(benches))
    if (values.only === undefined || values.only === name) results[name] = await bench(options);
  if (values.json) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
}
