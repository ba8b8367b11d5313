/** Larger results (bytes of JSON) are refused: Redis takes no value above 512 MB, and a large one would delay all others. */
export const LARGEST_RESULT = 64 * 2 ** 20;
/** Most bytes of one message of a worker: a result, and what stands around it. */
export const LARGEST_MESSAGE = LARGEST_RESULT + 2 ** 16;
