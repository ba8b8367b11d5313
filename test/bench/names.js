/** Where the messages come from and where their results must go, in every contender. */
export const CHANNEL = 'messages:published';
export const OUTPUT = 'messages:processed';
