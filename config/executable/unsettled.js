/** Node's exit code for a module that awaits something that never settles: a script that is no module has to set it. */
const NEVER_SETTLED = 13;

/** Lets the process, or the thread, end with this code if there is nothing left to do, and the work has not ended. */
export function endsWith13(work) {
  const onEmpty = () => process.exit(NEVER_SETTLED);
  process.once('beforeExit', onEmpty);
  work.finally(() => process.off('beforeExit', onEmpty));
}
