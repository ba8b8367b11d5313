/** The channel of the messages and the stream of their results, for every contender. */
export const CHANNEL = 'messages:published';
export const OUTPUT = 'messages:processed';
