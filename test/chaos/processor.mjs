/** The processor of the group under test: it does what the message says, and else adds a property. */

const MEGABYTE = 1_000_000;

const poisons = {
  chatty: (message, { log }) => {
    for (let i = 0; i < 200; i++) log.info({ pad: 'c'.repeat(1_000) }, 'a line that is not needed');
    return { ...message, seen: true };
  },
  throws: () => {
    throw new Error('poison: thrown');
  },
  hangs: () => new Promise(() => {}),
  busy: (message) => {
    const end = Date.now() + 10_000;
    while (Date.now() < end);
    return { ...message, seen: true };
  },
  exits: () => process.exit(7),
  undefined: () => undefined,
  bigint: (message) => ({ ...message, n: BigInt(message.n) }),
  circular: (message) => {
    message.self = message;
    return message;
  },
  huge: (message) => ({ ...message, seen: true, ballast: 'h'.repeat(4 * MEGABYTE) }),
};

export default function process_(message, context) {
  const poison = message.poison === undefined ? undefined : poisons[message.poison];
  return poison ? poison(message, context) : { ...message, seen: true };
}
