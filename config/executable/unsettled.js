/** Node's exit code for a module that awaits something that never settles: a script that is no module has to set it. */
const NEVER_SETTLED = 13;

/** Lets the process, or the thread, end with this code if the work never ends. */
export function endsWith13(work) {
  const onExit = (code) => {
    if (code === 0) process.exitCode = NEVER_SETTLED;
  };
  process.once('exit', onExit);
  work.finally(() => process.off('exit', onExit));
}
