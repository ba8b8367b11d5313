/** Runs one of the competitors as a process: `{ module }` is the URL of its file. Ends at SIGTERM. */
const { module, ...options } = JSON.parse(process.argv[2]);

const { start } = await import(module);
const stop = await start(options);
process.once('SIGTERM', async () => {
  await stop();
  process.exit(0);
});
process.on('disconnect', () => process.exit(1));
process.send({ ready: true });
