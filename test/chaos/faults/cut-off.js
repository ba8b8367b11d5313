import { proveSoon } from './fault.js';

/** The user of the Sentinels at the servers: without it they do not get in, and nobody else notices. */
const USER = 'sentinel';
const MASTER = 'mymaster';

/** Has the Sentinels come to all servers as a user of their own. */
export async function sentinelsByUser(servers) {
  for (const node of servers.servers)
    await node.call('ACL', 'SETUSER', USER, 'on', `>${USER}`, '~*', '&*', '+@all');
  for (const sentinel of servers.sentinels) {
    await sentinel.call('SENTINEL', 'SET', MASTER, 'auth-user', USER);
    await sentinel.call('SENTINEL', 'SET', MASTER, 'auth-pass', USER);
  }
  for (const node of servers.servers) {
    for (const [, id] of (await sentinelsOn(node)).filter(([line]) => !line.includes(`user=${USER} `)))
      await node.call('CLIENT', 'KILL', 'ID', id);
    await proveSoon(async () => {
      const lines = await sentinelsOn(node);
      return (
        lines.length >= servers.sentinels.length && lines.every(([line]) => line.includes(`user=${USER} `))
      );
    }, 'the Sentinels by their own user');
  }
  await servers.settled();
}

/** The master stays one for its clients, but Sentinels and replicas get in no more. */
export async function cutOff(master) {
  await master.call('ACL', 'SETUSER', USER, 'off');
  await master.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
  await master.call('CLIENT', 'KILL', 'USER', USER);
  await master.call('CLIENT', 'KILL', 'TYPE', 'replica');
}

export async function rejoin(master) {
  await master.call('ACL', 'SETUSER', 'default', '+@all');
  await master.call('ACL', 'SETUSER', USER, 'on');
}

/** The connections of Sentinels in CLIENT LIST: their lines and ids. */
async function sentinelsOn(node) {
  return [...(await node.call('CLIENT', 'LIST')).matchAll(/^id=(\d+) .* name=sentinel-.*$/gm)];
}
