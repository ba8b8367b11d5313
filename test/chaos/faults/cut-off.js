/** What Sentinels and replicas need at a master, and clients do not. */
const RIGHTS = ['ping', 'slaveof', 'replicaof', 'psync', 'sync'];

/** The master stays one for its clients, but Sentinels hear no PING of it and cannot change it, and replicas get nothing. */
export async function cutOff(master) {
  await change(master, '-');
  await master.call('CLIENT', 'KILL', 'TYPE', 'replica');
}

export function rejoin(master) {
  return change(master, '+');
}

function change(master, sign) {
  return master.call('ACL', 'SETUSER', 'default', ...RIGHTS.map((right) => sign + right));
}
