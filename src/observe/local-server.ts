// For the demo: commands see Redis through this folder. Apart from the client, which needs no child processes.
export { type LocalServer, startLocalServer } from '../redis/local-server.js';
