const PUBLISHER = new URL('publisher.js', import.meta.url);

/**
 * Publishes messages from a process of its own: `rate` a second, or without it at full flood.
 *
 * @param {{ first?: number, count: number, rate?: number, stamped?: boolean, connections?: number, keys?: string }} options `first`: number
 *   of the first message; `connections`: at full flood, as many publishers; `keys`: how the keys of messages are spread (see keys.js); they have
 *   none without it
 * @returns the report of the publisher at its end (see there)
 */
export async function publish(stage, options) {
  return (await preparePublisher(stage, options))();
}

/** Starts the process of {@link publish}; the returned function makes it publish. */
export async function preparePublisher(stage, { first = 0, stamped = false, connections = 1, ...options }) {
  const child = stage.spawn(PUBLISHER, { first, stamped, connections, ...options });
  await child.message('ready');
  return async () => {
    const end = child.message('published', 'all was published');
    child.send({ go: true });
    const report = await end;
    await child.ended;
    return report;
  };
}
