/** The names that the group under test uses: those of the default settings. */
export const CHANNEL = 'messages:published';
export const OUTPUT = 'messages:processed';
export const CONSUMER_IDS = 'consumer:ids';
export const GROUP = 'cgroup';

const own = (name) => `cgroup:{${OUTPUT}}:${name}`;
export const INBOX = own('inbox');
export const PACKS = own('packs');
export const BRIDGE = own('bridge');
export const RETRY = own('retry');
export const PARKED = own('parked');
export const HELD = own('held');
export const DEAD = own('dead');
export const COUNTERS = own('counters');
export const GAPS = own('gaps');
export const CONTROL = own('control');
/** A channel. */
export const MARKS = own('marks');
