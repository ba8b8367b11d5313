import { Command, InvalidArgumentError, Option } from 'commander';
import ms from 'ms';
import { FULL, SHORT } from './sizes.js';

const NAMES = Object.keys(FULL);

/**
 * Which measures to run, their sizes, and where the results go.
 *
 * @param {string[]} args
 * @throws {import('commander').CommanderError} for wrong usage, and after the help has been shown (exitCode 0)
 * @returns {{ sizes: Record<string, object>, short: boolean, docs: boolean, json?: string }} `sizes`: of the measures that run,
 *   in their order; `docs`: whether to generate the page and the charts again
 */
export function readOptions(args) {
  const { only = NAMES, short, rounds, messages, soak, json, docs } = parse(args);
  const sizes = Object.fromEntries(
    NAMES.filter((name) => only.includes(name)).map((name) => [name, sizeOf(name)]),
  );
  return { sizes, short, docs: docs || (only === NAMES && !short), json };

  function sizeOf(name) {
    const size = { ...(short ? SHORT : FULL)[name] };
    for (const repeated of ['rounds', 'pairs', 'roundsWithoutWork'])
      if (rounds !== undefined && repeated in size) size[repeated] = rounds;
    if (messages !== undefined && name === 'flood') size.messages = messages;
    if (soak !== undefined && name === 'soak') size.seconds = soak / 1_000;
    return size;
  }
}

function parse(args) {
  return new Command('npm run bench --')
    .exitOverride()
    .description(
      'Measures cgroup, and what one would take instead, on a private Redis each: prints tables, and holds them against the targets.',
    )
    .addOption(new Option('--only <names>', `some measures: ${NAMES.join(', ')}`).argParser(namesOf))
    .option('--rounds <number>', 'of each measure that has rounds, or pairs', wholeNumber)
    .option('--messages <number>', `of the flood (default: ${FULL.flood.messages})`, wholeNumber)
    .option('--soak <duration>', `of the soak (default: ${ms(FULL.soak.seconds * 1_000)})`, durationOf)
    .option('--json <file>', 'write the results there, too')
    .addOption(
      new Option(
        '--docs',
        'put what is measured into docs/benchmarks.md; a whole run does so by itself',
      ).conflicts('short'),
    )
    .option(
      '--short',
      'a minute and a half: does all of it work, and are the ratios of the flood not halved?',
      false,
    )
    .addHelpText(
      'after',
      `
Examples:
  npm run bench                                  everything, in about an hour; docs/benchmarks.md and its charts are made anew
  npm run bench -- --only flood,latency          two measures
  npm run bench -- --only flood --rounds 9 --messages 500000 --json flood.json
  npm run bench -- --only soak --soak 30m --docs`,
    )
    .parse(args, { from: 'user' })
    .opts();
}

function namesOf(text) {
  const names = text.split(',');
  const unknown = names.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${NAMES.join(', ')}.`);
  return names;
}

function wholeNumber(text) {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError('It must be a whole number above 0.');
  return number;
}

function durationOf(text) {
  const duration = ms(text);
  if (!(duration >= 1_000))
    throw new InvalidArgumentError('It must be a duration of a second or more, such as 10m.');
  return duration;
}
