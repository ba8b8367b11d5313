import { meter } from './meter.js';
import { preparePublisher, publish } from './publish.js';

/** Messages that go through before the clock starts, so that code is compiled and connections are warm. */
const WARM_UP = 0.1;

/**
 * Publishes `messages` at full flood, after the messages that warm a contender up.
 *
 * @param {import('./child.js').Child} child the contender's process
 * @param {string} [keys] how the keys of messages are spread; they have none without it
 * @returns msg/s from the first PUBLISH to the last result, msg/s of the publisher, CPU per message, and how many results there
 *   are now, those of the warm-up included
 */
export async function floodOnce(stage, child, messages, keys) {
  const warmUp = Math.ceil(messages * WARM_UP);
  await publish(stage, { count: warmUp, keys });
  await stage.untilOutput(warmUp);

  const go = await preparePublisher(stage, { first: warmUp, count: messages, keys });
  const costs = await meter(stage, child);
  const { began, ended } = await go();
  await stage.untilOutput(warmUp + messages);
  const cost = await costs(messages);
  const { last } = await stage.outputTimes();
  return {
    rate: (messages / (last - began)) * 1_000,
    publishedRate: (messages / (ended - began)) * 1_000,
    ...cost,
    results: warmUp + messages,
  };
}
