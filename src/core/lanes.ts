/** Most lanes of a group. */
export const MOST_LANES = 64;
