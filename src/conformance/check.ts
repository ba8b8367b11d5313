import { CgroupError } from '../core/errors.js';
import { EXEC, kindOfProcessor } from '../core/processor-kind.js';
import { maskUrl } from '../log/redaction.js';
import { ExecSource } from './exec-link.js';
import { LineCheck } from './line-check.js';
import type { CheckOptions } from './options.js';
import { RemoteSource } from './remote-link.js';
import type { ConformanceReport, WorkerFinding } from './report.js';
import { checkService } from './service-check.js';

/**
 * Checks a worker: sends what a group may send, and looks at what comes back.
 *
 * @throws {CgroupError} SETTINGS, PROCESSOR, LISTEN
 */
export async function checkWorker(options: CheckOptions): Promise<ConformanceReport> {
  const { target } = options;
  const findings = await findingsOf(options);
  return {
    target: kindOfProcessor(target) === 'exec' ? target : maskUrl(target),
    findings,
    ok: findings.every(({ status }) => status !== 'wrong'),
  };
}

async function findingsOf(options: CheckOptions): Promise<WorkerFinding[]> {
  const { target } = options;
  if (/^(ws|https?):/i.test(target) && !URL.canParse(target))
    throw new CgroupError('SETTINGS', `--check: ${maskUrl(target)} is no URL`);
  if (/^ws:\/\//i.test(target)) {
    const source = new RemoteSource(target);
    options.onListening?.(await source.listen());
    return new LineCheck(source, options).run();
  }
  switch (kindOfProcessor(target)) {
    case 'exec':
      return new LineCheck(await ExecSource.of(target.slice(EXEC.length)), options).run();
    case 'service':
      return checkService(options);
    default:
      throw new CgroupError(
        'SETTINGS',
        `--check: ${target} is no worker; write exec:COMMAND, http://URL, or ws://HOST:PORT/workers to listen there`,
      );
  }
}
