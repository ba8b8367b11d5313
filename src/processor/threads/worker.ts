import { serve } from './serve.js';

// Each of the threads that process messages runs this file.

await serve();
