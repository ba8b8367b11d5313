/** Adds what the check of the delivery looks for, and does nothing else. */
export default function noop(message) {
  return { ...message, random: Math.random() };
}
