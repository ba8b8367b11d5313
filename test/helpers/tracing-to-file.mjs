// Sets up OpenTelemetry as a user's own start-up module does (NODE_OPTIONS=--import ...). The spans go to a file.
import { appendFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

const exporter = {
  export(spans, done) {
    for (const span of spans) {
      const { spanId, traceId } = span.spanContext();
      const parentId = span.parentSpanContext?.spanId;
      const links = span.links.map(({ context }) => context.spanId);
      const { name, kind, attributes, status } = span;
      const facts = { name, kind, spanId, traceId, parentId, links, attributes, status, isMainThread };
      appendFileSync(process.env.SPANS_FILE, `${JSON.stringify(facts)}\n`);
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
