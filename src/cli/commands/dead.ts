import { Command } from 'commander';

export function deadCommand(): Command {
  return new Command('dead');
}
