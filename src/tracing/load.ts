import { messageOf } from '../core/errors.js';
import type { Logger } from '../log/logger.js';
import { type OpenTelemetry, Tracing, type TracingNames } from './tracing.js';

/**
 * Tracing, if the user's own start-up has set up OpenTelemetry; undefined if it has not, or if its API package is
 * not installed: then tracing costs nothing per message.
 */
export async function loadTracing(names: TracingNames, log: Logger): Promise<Tracing | undefined> {
  let api: OpenTelemetry;
  try {
    api = await import('@opentelemetry/api');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND')
      log.warn({ error }, `no tracing, @opentelemetry/api fails on import: ${messageOf(error)}`);
    return undefined;
  }
  if (!isSetUp(api)) return undefined;
  log.debug({}, 'tracing with OpenTelemetry');
  return new Tracing(api, names);
}

/** Until a provider is registered behind its proxy, the API gives tracers that do nothing. */
function isSetUp({ trace }: OpenTelemetry): boolean {
  const provider = trace.getTracerProvider() as Partial<InstanceType<OpenTelemetry['ProxyTracerProvider']>>;
  return provider.getDelegateTracer === undefined || provider.getDelegateTracer('cgroup') !== undefined;
}
