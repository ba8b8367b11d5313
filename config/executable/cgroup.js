import { main } from '../../dist/cli/main.js';
import { endsWith13 } from './unsettled.js';

// What bin/cgroup.js is for the package.
endsWith13(main());
