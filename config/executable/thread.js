import { serve } from '../../dist/processor/threads/serve.js';
import { endsWith13 } from './unsettled.js';

// What dist/processor/threads/worker.js is for the package.
endsWith13(serve());
