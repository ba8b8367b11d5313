import { Command } from 'commander';
import { CgroupError } from '../../core/errors.js';
import { examplesText } from '../command.js';
import { addCheckFlags, type CheckFlags, runCheck } from '../worker/check.js';

export function workerCommand(): Command {
  return addCheckFlags(new Command('worker'))
    .description('Checks a worker in any language: whether it keeps the rules of the protocol.')
    .addHelpText(
      'after',
      examplesText([
        [`cgroup worker --check 'exec:python3 worker.py'`, 'is this program a good worker?'],
        ['cgroup worker --check http://127.0.0.1:8000/messages', 'is this web service?'],
        ['cgroup worker --check ws://127.0.0.1:9465/workers', 'then start a remote worker with this URL'],
      ]),
    )
    .action(async (flags: CheckFlags) => {
      if (flags.check === undefined)
        throw new CgroupError('SETTINGS', '--check is missing: the worker to check, such as exec:COMMAND');
      await runCheck(flags.check, flags);
    });
}
