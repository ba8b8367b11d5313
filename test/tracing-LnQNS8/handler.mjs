
  import { trace } from '@opentelemetry/api';
  export default ({ message_id }, { traceparent, attempt }) => {
    if (message_id === 'bad') throw new Error('no');
    return { message_id, traceparent, active: trace.getActiveSpan()?.spanContext().spanId ?? null };
  };