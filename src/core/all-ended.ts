/**
 * Waits until all have ended, also after one has failed.
 *
 * @throws what the first of them, in their order, that failed was rejected with
 */
export async function allEnded<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(promises);
  return ended.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}
